"""Downstream SFT of pi_0 on a dataset (Appendix E.1).

In:  backbone  config.json, model.safetensors, tokenizer.json, …
     dataset   rows.jsonl: {"id", "question", "target"} of assemble, or {"id", "question", "solution"} of split
Out: model/    the fine-tuned model, readable by transformers and vLLM
     loss.jsonl, quarantine.jsonl
"""

from functools import partial
from pathlib import Path

from tasks.finetune.config import FinetuneConfig
from tasks.finetune.memory import host_bytes
from tasks.finetune.rendezvous import MODULE, nodes
from tasks.finetune.spec import FinetuneSpec
from tasks.finetune.view import view
from tasks.rows.memory import on_cores
from tasks.rows.prompts import prompts_digest
from tasks.runtime.engines.engine import run
from tasks.runtime.engines.spec import read_metrics
from tasks.runtime.settings import settings
from tasks.runtime.stage import Metrics, stage


def gpus(config: FinetuneConfig) -> int | None:
    """One a process; all of the machine's where the config names no number."""
    return config.processes or None


def smaller(config: FinetuneConfig) -> FinetuneConfig | None:
    """Half of the tokens in a packed pass. Unpacked: half of the rows (or fewer, that the step's batch still divides),
    and more passes to a step."""
    if config.packing:
        return config.model_copy(update={"less": config.less + 1}) if config.less < 8 else None
    rows = config.per_device_batch
    less = next((one for one in range(rows // 2, 0, -1) if rows % one == 0), None)
    return None if less is None else config.model_copy(update={"per_device_batch": less})


def memory(config: FinetuneConfig, *, backbone: Path, **_: Path) -> int:
    """Bytes that its processes take on a machine without GPUs."""
    return on_cores(backbone, config.dtype, partial(host_bytes, config))


@stage(
    version=1,
    environment="sft",
    gpus=gpus,
    memory=memory,
    identity=prompts_digest,
    timeout_minutes=7 * 24 * 60,
    smaller=smaller,
    shows=view,
)
def finetune(config: FinetuneConfig, out: Path, *, backbone: Path, dataset: Path) -> Metrics:
    """Fine-tune `backbone` on `dataset`; resumes from the checkpoints of a killed attempt in `out`;
    on several machines by tasks/finetune/rendezvous.py.

    Returns:
        rows, kept, bad, overlong, target_tokens, steps, first_loss, final_loss (mean of the last tenth), processes,
        dtype, rounded_back (tasks/finetune/rounding.py).

    Raises:
        ValueError: bfloat16 was asked for in several processes on a CPU, or several machines know no meeting point.
        EngineError: training failed, or more rows than `config.max_dropped_share` are bad or overlong.
    """
    cuda = settings().cuda()
    processes = config.processes or (max(1, len(settings().gpu_names())) if cuda else 1)
    machines = nodes()
    if not config.packing:
        config.accumulation(processes * machines)
    if config.dtype == "bfloat16" and processes * machines > 1 and not cuda:
        raise ValueError(
            f"finetune.dtype=bfloat16 in {processes * machines} processes on a CPU: transformers computes in bfloat16 "
            "there in one process only. Set finetune.processes=1, or finetune.dtype=float32"
        )
    rows = dataset / "rows.jsonl"
    spec = FinetuneSpec(
        config=config, backbone=backbone, rows=rows, out=out, processes=processes, cuda=cuda, nodes=machines
    )
    run("sft", MODULE, spec, out, engine_variables(cuda, spec.world))
    return read_metrics(out)


def engine_variables(cuda: bool, processes: int) -> dict[str, str]:
    """Environment variables of the engine: extensions compiled once an environment, one thread a CPU process."""
    variables = {
        "TORCH_EXTENSIONS_DIR": str(settings().environments / "sft" / "torch_extensions"),
        "DISABLE_VERSION_CHECK": "1",  # the lock decides; LLaMA-Factory would refuse a transformers it does not know
        "WANDB_DISABLED": "true",
    }
    if not cuda:
        variables |= {"OMP_NUM_THREADS": "1"}
        if processes > 1:
            variables |= {"DS_ACCELERATOR": "cpu"}
    return variables
