"""The frontier as a stage: the scores of runs at several learning rates.

In:  base {"math500": …}, scores {"0.0008": {"sft/0": {"math500": …}, …}, "0.0012": {…}},
     drifts {"0.0008": {"sft/0": …}, …} of those that were read by the thermometers
     validations {"0.0008": {"sft/0": …}, …}: verdicts on each model's answers to the held-out rows
     models {"0.0008": {"sft/0": …}, …}: what the runs were made by
     config.measured ["theirs/measured.parquet"]: what was measured elsewhere, or before
Out: frontier.html, frontier.json, measured.parquet: every answer behind it, for another frontier or one's own analysis
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks.report.frontier import measured
from tasks.report.frontier.build import build
from tasks.report.frontier.data import SFT, Frontier
from tasks.report.frontier.matrices import FrontierError
from tasks.report.frontier.read import read
from tasks.report.reading.provenance import is_nano
from tasks.rows.source import source_identity
from tasks.runtime.files.whole_file import whole
from tasks.runtime.stage import Metrics, stage

PAGE, FIGURES, MEASURED = "frontier.html", "frontier.json", measured.FILE
HERE = "this store"


class FrontierConfig(BaseModel):
    """What the frontier is called and how its intervals are drawn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str = Field(description="Name of the backbone.")
    against: str = Field(default=SFT, description="The method that all others are held against.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Of every interval.")
    resamples: int = Field(default=2000, ge=100, le=100_000, description="Replicates behind every interval.")
    seed: int = Field(default=0, ge=0, description="Seed of the replicates.")
    measured: tuple[Path, ...] = Field(
        default=(),
        description="Files measured.parquet of other frontiers of the same experiment, whose runs are added.",
        json_schema_extra={"key": False},
    )

    def content(self) -> list[object]:
        """What the files hold, for the key."""
        return [_identity(path) for path in self.files()]

    def files(self) -> list[Path]:
        """The files in an order that is theirs: in whichever they are named, the same is made of them."""
        return sorted(self.measured, key=lambda path: str(_identity(path)))


def _identity(path: Path) -> object:
    return source_identity(str(path), None)


@stage(version=12, identity=FrontierConfig.content)
def frontier(
    config: FrontierConfig,
    out: Path,
    *,
    base: dict[str, Path],
    scores: dict[str, dict[str, dict[str, Path]]],
    drifts: dict[str, dict[str, Path]],
    validations: dict[str, dict[str, Path]],
    models: dict[str, dict[str, Path]],
) -> Metrics:
    """Compare methods over their rates; write the page, its JSON and what both are made of.

    Raises:
        FrontierError: fewer than two rates, no SFT, nothing of what all are held against, runs that were asked other
            questions, or files of another experiment.
        ReportError: runs were sampled at different temperatures.
    """
    parts = {HERE: read(base, scores, drifts, validations, models)} if scores else {}
    for path in config.files():
        backbone, parts[str(path)] = measured.load(path)
        if backbone != config.backbone:
            raise FrontierError(f"{path} is of {backbone}, the others of {config.backbone}")
    together = measured.pool(parts)
    measured.write(config.backbone, together, out / MEASURED)
    data = build(
        config.backbone,
        is_nano(config.backbone),
        measured.load(out / MEASURED)[1],  # as the file has it, so that the file alone gives the same frontier
        against=config.against,
        confidence=config.confidence,
        resamples=config.resamples,
        seed=config.seed,
    )
    from tasks.report.frontier.page import render  # with matplotlib: a second, at the start of every command

    for name, text in ((FIGURES, data.model_dump_json(indent=1) + "\n"), (PAGE, render(data))):
        with whole(out / name) as file:
            file.write(text)
    count = len(base) + sum(len(of) for by_run in scores.values() for of in by_run.values())
    count += sum(map(len, [*drifts.values(), *validations.values()]))
    return {"methods": len(data.methods()), "rates": len(data.rates), "artifacts": count}


def read_frontier(folder: Path) -> Frontier:
    """What the stage wrote."""
    return Frontier.model_validate_json((folder / FIGURES).read_text(encoding="utf-8"))
