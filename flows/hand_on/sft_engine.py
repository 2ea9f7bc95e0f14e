"""Writes what `llamafactory-cli train sft.yaml` needs, in the environment of LLaMA-Factory.

In:  argv[1], a spec (tasks/finetune/spec.py) as JSON; `out` is the folder to write, pi_0 lies in out/backbone
Out: sft.yaml            LLaMA-Factory's arguments as the stage had them, with paths seen from `out`
     ds_z3_config.json   where several processes trained, or for more of them by hand
     tokens/             the rows as token ids, prompts masked: LLaMA-Factory's own templates are not the model's
"""

import shutil
import sys
from pathlib import Path

import yaml

from tasks.finetune.arguments import ZERO3, arguments
from tasks.finetune.dataset import prepare
from tasks.finetune.spec import FinetuneSpec
from tasks.rows.context import longest_context
from tasks.rows.tokens import ChatTokens
from tasks.runtime.files.whole_file import whole, write_json

ABOUT = """\
# The SFT that made this model, for LLaMA-Factory 0.9.5: cd here, then `llamafactory-cli train sft.yaml`
# ({processes} process(es); with several GPUs: FORCE_TORCHRUN=1 before it, and `deepspeed: ds_z3_config.json` here).
# The stage packed rows into passes or padded them; here they are padded, so the result differs in rounding.
# backbone/ is pi_0; where it is missing, put its folder there or name it in model_name_or_path.
"""


def main() -> None:
    """Tokenise and write."""
    spec = FinetuneSpec.model_validate_json(Path(sys.argv[1]).read_bytes())
    config = spec.config.model_copy(update={"packing": False, "per_device_batch": _fitting(spec)})
    spec = spec.model_copy(update={"config": config})
    limit = min(config.max_tokens, longest_context(spec.backbone))
    prepare(spec.rows, ChatTokens(spec.backbone), limit, config.max_dropped_share, spec.out)
    (spec.out / "scratch" / "tokens").rename(spec.out / "tokens")
    said = arguments(spec, config.accumulation(spec.world))
    said |= {"model_name_or_path": "backbone", "tokenized_path": "tokens", "output_dir": "trained"}
    if "deepspeed" in said:
        said["deepspeed"] = "ds_z3_config.json"
    said["disable_tqdm"] = False
    write_json(spec.out / "ds_z3_config.json", ZERO3)
    with whole(spec.out / "sft.yaml") as file:
        file.write(ABOUT.format(processes=spec.world) + yaml.safe_dump(said, sort_keys=False))
    shutil.rmtree(spec.out / "scratch")


def _fitting(spec: FinetuneSpec) -> int:
    """Rows of a pass of one process: as configured, or the most below that the step's batch divides by."""
    batch, world = spec.config.global_batch, spec.world
    wanted = min(spec.config.per_device_batch, max(1, batch // world))
    return next(rows for rows in range(wanted, 0, -1) if batch % (rows * world) == 0 or rows == 1)


if __name__ == "__main__":
    main()
