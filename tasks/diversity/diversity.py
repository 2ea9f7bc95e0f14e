"""Of several rewrites of a row, what each that passes adds to the diversity of those that pass (eqs. 9 to 11).

In:  rewrites  rewrites.jsonl of each sample and shard, "07-001"; verdicts of the gate on them, by the same names
Out: contributions.jsonl   {"id": "numinamath_cot/3f2a…", "sample": "07", "contribution": 0.013}
"""

from pathlib import Path

from tasks.diversity.config import DiversityConfig, DiversitySpec
from tasks.runtime.engines.engine import run
from tasks.runtime.engines.spec import read_metrics
from tasks.runtime.settings import settings
from tasks.runtime.stage import Metrics, stage
from tasks.score.embedder_source import embedder_identity, embedder_location


def identity(config: DiversityConfig) -> object:
    """What the figures depend on besides config and inputs: the embedding model's content."""
    return embedder_identity(config.embedder)


@stage(version=1, environment="inference", gpus=1, identity=identity, timeout_minutes=24 * 60)
def diversity(config: DiversityConfig, out: Path, *, rewrites: dict[str, Path], verdicts: dict[str, Path]) -> Metrics:
    """Embed the rewrites that pass, row by row.

    Returns:
        rewrites (that pass), rows (that have one), diversity (mean of D over rows with two or more; none: null).

    Raises:
        EngineError: embedding failed.
    """
    spec = DiversitySpec(
        rewrites={name: folder / "rewrites.jsonl" for name, folder in rewrites.items()},
        verdicts={name: folder / "verdicts.jsonl" for name, folder in verdicts.items()},
        embedder=embedder_location(config.embedder),
        out=out,
        cuda=settings().cuda(),
    )
    run("inference", "tasks.diversity.engine", spec, out)
    return read_metrics(out)
