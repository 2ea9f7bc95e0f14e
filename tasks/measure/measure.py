"""How well an agent rewrites rows that it was not trained on; without an adapter, how well pi_0 does.

In:  backbone  a transformers model folder
     rows      rows.jsonl: {"id", "question", "solution", "answer"}
     adapter   adapter/ of train_agent (optional)
Out: rows.jsonl     {"id", "candidates": 10, "passed": 7, "nll": 0.31, "length": 31.4, "expert_length": 44,
                     "diversity": 0.12 | null, "expert_nll": 2.4}       a row each, for a bootstrap over rows
     rewrites.jsonl {"id", "text", "finished", "tokens", "passed", "nll"}     every candidate
"""

from functools import partial
from pathlib import Path

from tasks.generation.variables import engine_variables
from tasks.measure.config import MeasureConfig
from tasks.measure.spec import MeasureSpec
from tasks.rows.memory import on_cores, sampling
from tasks.rows.prompts import prompts_digest
from tasks.runtime.engines.engine import run
from tasks.runtime.engines.spec import read_metrics
from tasks.runtime.settings import settings
from tasks.runtime.stage import Metrics, stage
from tasks.score.config import EmbedderConfig
from tasks.score.embedder_source import embedder_identity, embedder_location
from tasks.verify.fitness import require_fit


def identity(config: MeasureConfig) -> object:
    """What the figures depend on besides config and inputs."""
    found: dict[str, object] = {
        "prompts": prompts_digest(config),
        "embedder": embedder_identity(config.embedder or EmbedderConfig()),
    }
    verifier = config.gate.verifier_identity()
    return found if verifier is None else found | {"verifier": verifier}


def gpus(config: MeasureConfig) -> int:
    """GPUs of the sampling; what is sampled is scored on one of them."""
    return config.tensor_parallel


def memory(config: MeasureConfig, *, backbone: Path, **_: Path | None) -> int:
    """Bytes that its engine takes on a machine without GPUs: more while it samples than while it scores."""
    return on_cores(backbone, config.dtype, partial(sampling, sequences=config.batch))


@stage(version=3, environment="inference", gpus=gpus, memory=memory, identity=identity, timeout_minutes=24 * 60)
def measure(config: MeasureConfig, out: Path, *, backbone: Path, rows: Path, adapter: Path | None = None) -> Metrics:
    """Sample K rewrites a row with vLLM, then verify, score and embed them; what was done is kept.

    Returns:
        rows, overlong, no_room, pass_rate, nll (mean over rows of the mean over passing rewrites), length,
        expert_length, expert_nll, diversity (mean over rows with `diversity_of` passing rewrites), diversity_rows.

    Raises:
        UnfitJudge: the arithmetic checker judges alone and refuses the rows' own solutions.
    """
    require_fit(config.gate, rows / "rows.jsonl")
    spec = MeasureSpec(
        config=config,
        backbone=backbone,
        adapter=None if adapter is None else adapter / "adapter",
        rows=rows / "rows.jsonl",
        embedder=embedder_location(config.embedder or EmbedderConfig()),
        out=out,
        cuda=settings().cuda(),
    )
    run("inference", "tasks.measure.engine", spec, out, engine_variables(settings().cuda()))
    return read_metrics(out)
