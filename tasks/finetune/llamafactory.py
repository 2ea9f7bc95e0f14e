"""The SFT engine: LLaMA-Factory 0.9.5, one process or several under DeepSpeed ZeRO-3.

In:  a spec (tasks/finetune/spec.py): a backbone and rows {"id", "question", "target" or "solution"}
Out: model/      the fine-tuned weights beside the backbone's own tokenizer, template and config
     loss.jsonl  {"step": 1, "epoch": 0.02, "loss": 1.37, "learning_rate": 1e-06, "grad_norm": 2.1}
     quarantine.jsonl, scratch/metrics.json

Started again after a kill it resumes from the newest whole checkpoint in out/scratch/trainer.
"""

import fcntl
import json
import os
import shutil
import sys
from dataclasses import asdict
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from tasks.finetune.arguments import ZERO3, arguments, precision
from tasks.finetune.checkpoints import ByTime, drop_unfinished
from tasks.finetune.collect import collect
from tasks.finetune.dataset import prepare
from tasks.finetune.memory import CPU_TOKENS, beside_bytes, state_of, tokens_that_fit
from tasks.finetune.passes import Plan
from tasks.finetune.rendezvous import is_first, torchrun
from tasks.finetune.spec import FinetuneSpec
from tasks.rows.context import longest_context
from tasks.rows.memory import CHUNK, shape_of
from tasks.rows.tokens import ChatTokens
from tasks.runtime.engines.spec import read_spec
from tasks.runtime.files.whole_file import write_json
from tasks.runtime.progress.progress import report

# For tasks/runtime/engines/fork_server.py.
LIBRARIES = ("llamafactory.train.sft.workflow", "llamafactory.train.tuner", "tasks.finetune.trainer", "deepspeed")


def main() -> None:
    """Prepare the rows once, then train: in this process, or in `processes` of them (a machine) under torchrun."""
    spec = read_spec(FinetuneSpec)
    if "LOCAL_RANK" not in os.environ:
        if is_first():
            prepare_once(spec)
        if spec.world > 1:
            if not spec.cuda:
                compile_extensions()
            os.execv(sys.executable, torchrun(spec.nodes, spec.processes, sys.argv[1]))
    train(spec)
    if int(os.environ.get("RANK", "0")) == 0:
        collect(spec)


def prepare_once(spec: FinetuneSpec) -> None:
    """Tokenise the rows unless an earlier attempt did; drop checkpoints that it could not finish."""
    scratch = spec.out / "scratch"
    counted = scratch / "counts.json"
    if not counted.exists():
        shutil.rmtree(scratch / "tokens", ignore_errors=True)
        tokens = ChatTokens(spec.backbone)
        limit = min(spec.config.max_tokens, longest_context(spec.backbone))
        counts = asdict(prepare(spec.rows, tokens, limit, spec.config.max_dropped_share, spec.out))
        counts |= changed_by_base(spec)
        write_json(counted, counts)
    write_json(scratch / "ds_z3_config.json", ZERO3)
    drop_checkpoints_of_other_ranks(scratch, spec.world)
    drop_unfinished(scratch / "trainer")


def changed_by_base(spec: FinetuneSpec) -> dict[str, float]:
    """Let pi_0 take labels from the tokenised rows (STM) or weigh them (FLOW), where asked; figures of what it did."""
    from tasks.finetune.easy_rows import weigh_dataset
    from tasks.finetune.masking import mask_dataset
    from tasks.score.load import load_backbone

    config, folder, found = spec.config, spec.out / "scratch" / "tokens", dict[str, float]()
    if config.most_perplexing is None and config.loss != "flow":
        return found
    model = load_backbone(spec.backbone, config.dtype, spec.cuda)
    if config.most_perplexing is not None:
        found |= mask_dataset(folder, model, config.most_perplexing)
    if config.loss == "flow":
        assert config.tau is not None
        found |= weigh_dataset(folder, model, config.tau)
    return found


def drop_checkpoints_of_other_ranks(scratch: Path, processes: int) -> None:
    """ZeRO-3's checkpoints hold a part a rank: another number of ranks cannot resume from them (DeepSpeed 0.19.8)."""
    note = scratch / "processes.json"
    before = json.loads(note.read_text(encoding="utf-8")) if note.exists() else processes
    if before != processes:
        print(f"starting over: the checkpoints are of {before} processes, this attempt has {processes}")
        shutil.rmtree(scratch / "trainer", ignore_errors=True)
        (scratch / "losses.jsonl").unlink(missing_ok=True)
    write_json(note, processes)


def compile_extensions() -> None:
    """Compile DeepSpeed's CPU kernels once an environment (1-2 minutes), before the ranks would all at once.

    PyTorch 2.13 waits for ever at the lock file of a compiler that was killed: no other can be at work under our own
    lock, so such a file is stale.
    """
    from deepspeed.comm.torch import build_shm_op

    folder = Path(os.environ["TORCH_EXTENSIONS_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".compiling").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for stale in folder.glob("*/lock"):
            stale.unlink()
        build_shm_op()


def train(spec: FinetuneSpec) -> None:
    """Train with LLaMA-Factory, from the newest whole checkpoint where there is one."""
    from llamafactory.train.sft import workflow
    from llamafactory.train.tuner import run_exp

    from tasks.finetune.trainer import PackedTrainer, Trainer

    config = spec.config
    if config.packing:
        plan = plan_of(spec)
        accumulation = plan.accumulation(ceil(config.epochs))
        trainer: Any = partial(
            PackedTrainer, plan=plan, accumulation=accumulation, config=config, backbone=spec.backbone
        )
    else:
        accumulation, trainer = config.accumulation(spec.world), Trainer
    trainer = partial(trainer, pull=pull_of(spec))
    workflow.CustomSeq2SeqTrainer = trainer  # LLaMA-Factory 0.9.5 takes none from its caller
    # A checkpoint holds no older policy: it is written where pi becomes one.
    checkpoints = ByTime(config.checkpoint_minutes, every=max(1, config.lag))
    reporter = Reporter(spec.out / "scratch" / "losses.jsonl")
    run_exp(arguments(spec, accumulation), callbacks=[reporter, checkpoints])


def pull_of(spec: FinetuneSpec) -> float:
    """FinetuneConfig.l2 in the optimiser's unit, 1 / (learning rate * steps)."""
    config = spec.config
    counts: dict[str, Any] = json.loads((spec.out / "scratch" / "counts.json").read_text(encoding="utf-8"))
    return config.l2 / (config.learning_rate * ceil(config.epochs * ceil(counts["kept"] / config.global_batch)))


def plan_of(spec: FinetuneSpec) -> Plan:
    """How the tokenised rows are packed; the same in every process."""
    from datasets import load_from_disk

    rows = load_from_disk(str(spec.out / "scratch" / "tokens"))
    lengths = [len(ids) for ids in rows["input_ids"]]
    return Plan(lengths, spec.config.global_batch, tokens_of_a_pass(spec), spec.world, spec.config.seed)


def tokens_of_a_pass(spec: FinetuneSpec) -> int:
    """Most tokens of a packed pass: as asked for, else what fits the GPU; halved for each attempt that ran out."""
    tokens = spec.config.tokens_per_pass or CPU_TOKENS
    if spec.config.tokens_per_pass is None and spec.cuda:
        import torch

        shape, memory = shape_of(spec.backbone), torch.cuda.get_device_properties(0).total_memory
        memory -= beside_bytes(spec.config, shape, precision(spec), spec.world)
        tokens = tokens_that_fit(shape, memory, precision(spec), spec.world, CHUNK, state_of(spec.config))
    return max(64, tokens >> spec.config.less)


class Reporter(TrainerCallback):  # type: ignore[misc]
    """Streams each step's loss to the stage and appends it to a file; a resumed run repeats steps there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if not state.is_world_process_zero or logs is None or "loss" not in logs:
            return
        row = {"step": state.global_step, "epoch": state.epoch}
        row |= {name: logs[name] for name in ("loss", "learning_rate", "grad_norm") if name in logs}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        report(state.global_step, state.max_steps, "steps", loss=logs["loss"])


if __name__ == "__main__":
    main()
