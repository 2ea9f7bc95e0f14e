"""How likely targets are under pi_0 of their plain question (eq. 6).

In:  backbone  a transformers model folder
     rows      rows.jsonl: {"id", "question", "target" or "solution"}
     rewrites  rewrites.jsonl: {"id", "text", "finished", "tokens"}; if given, its texts are scored, joined by id
Out: scores.jsonl   {"id": "numinamath_cot/3f2a…", "nll": 0.74, "tokens": 118}      nats per token, |y|
     skipped.jsonl  {"id", "reason"}: rows that have no target or do not fit the model's context
"""

from pathlib import Path

from tasks.generation.variables import each_engine, engine_variables
from tasks.rows.memory import on_cores, reading
from tasks.rows.prompts import prompts_digest
from tasks.runtime.engines.engine import run
from tasks.runtime.engines.spec import read_metrics
from tasks.runtime.settings import settings
from tasks.runtime.slots import Dealt
from tasks.runtime.stage import Metrics, stage
from tasks.score.config import ScoreConfig
from tasks.score.spec import ScoreSpec


def smaller(config: ScoreConfig) -> ScoreConfig | None:
    """Half of the tokens in a pass; a pass holds at least one question."""
    tokens = (config.tokens_per_batch or (32768 if settings().cuda() else 3072)) // 2
    return config.model_copy(update={"tokens_per_batch": tokens}) if tokens >= 64 else None


def gpus(config: ScoreConfig) -> int | Dealt:
    """One a process; as many as find room where the config names no number."""
    return config.processes or Dealt()


def cores(config: ScoreConfig) -> int:
    """One a process."""
    return config.processes or 1


def memory(config: ScoreConfig, *, backbone: Path, **_: Path | None) -> int:
    """Bytes that its processes take on a machine without GPUs."""
    return (config.processes or 1) * on_cores(backbone, config.dtype, reading)


@stage(
    version=1,
    environment="inference",
    cores=cores,
    gpus=gpus,
    memory=memory,
    identity=prompts_digest,
    timeout_minutes=24 * 60,
    smaller=smaller,
)
def score(config: ScoreConfig, out: Path, *, backbone: Path, rows: Path, rewrites: Path | None = None) -> Metrics:
    """Score the targets of `rows` (or the texts of `rewrites`) under `backbone`; resumes block by block.

    Returns:
        rows, scored, skipped, tokens, nll (mean over rows), nll_p10, nll_p50, nll_p90.

    Raises:
        EngineError: scoring failed, or more than `config.max_skipped_share` of the rows cannot be scored.
    """
    cuda = settings().cuda()
    spec = ScoreSpec(
        config=config,
        backbone=backbone,
        rows=rows / "rows.jsonl",
        rewrites=None if rewrites is None else rewrites / "rewrites.jsonl",
        out=out,
        cuda=cuda,
        engines=each_engine(cuda),
    )
    variables = engine_variables(cuda) if config.engine == "vllm" else None
    run("inference", "tasks.score.engine", spec, out, variables)
    return read_metrics(out)
