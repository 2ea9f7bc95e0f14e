"""The frontier as a stage: the scores of runs at several learning rates.

In:  base {"math500": …}, scores {"0.0008": {"sft/0": {"math500": …}, …}, "0.0012": {…}},
     drifts {"0.0008": {"sft/0": …}, …} of those that were read by the thermometers
     validations {"0.0008": {"sft/0": …}, …}: verdicts on each model's answers to the held-out rows
Out: frontier.html, frontier.json
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks.evaluate.benchmark import benchmark
from tasks.report import artifacts
from tasks.report.drift import rises
from tasks.report.frontier.build import build
from tasks.report.frontier.data import Frontier
from tasks.report.provenance import is_nano
from tasks.rows.jsonl import read_rows
from tasks.runtime.stage import Metrics, stage
from tasks.runtime.whole_file import whole

PAGE, FIGURES = "frontier.html", "frontier.json"


class FrontierConfig(BaseModel):
    """What the frontier is called and how its intervals are drawn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str = Field(description="Name of the backbone.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Of every interval.")
    resamples: int = Field(default=2000, ge=100, le=100_000, description="Replicates behind every interval.")
    seed: int = Field(default=0, ge=0, description="Seed of the replicates.")


@stage(version=5)
def frontier(
    config: FrontierConfig,
    out: Path,
    *,
    base: dict[str, Path],
    scores: dict[str, dict[str, dict[str, Path]]],
    drifts: dict[str, dict[str, Path]],
    validations: dict[str, dict[str, Path]],
) -> Metrics:
    """Compare methods over their rates; write the page and its JSON.

    Raises:
        FrontierError: fewer than two rates, no SFT, or runs that were asked other questions.
    """

    def scored(folders: dict[str, Path]) -> dict[str, artifacts.Scored]:
        found = (of for folder in folders.values() for of in artifacts.evaluated(folder))
        return {of.benchmark: artifacts.scored(of, config.confidence) for of in found}

    def answers(folders: dict[str, Path]) -> dict[str, dict[str, float]]:
        return {name: one.correct for name, one in scored(folders).items()}

    def passed(verdicts: Path) -> dict[str, bool]:
        return {row["id"]: row["passed"] for row in read_rows(verdicts / "verdicts.jsonl", ["id", "passed"])}

    asked = scored(base)
    general = [name for name in asked if benchmark(name).group == "general"]
    data = build(
        config.backbone,
        is_nano(config.backbone),
        {name: one.correct for name, one in asked.items()},
        {float(rate): {run: answers(of) for run, of in runs.items()} for rate, runs in scores.items()},
        {
            float(rate): {run: rises(list(read_rows(of / "texts.jsonl")), general) for run, of in runs.items()}
            for rate, runs in drifts.items()
        },
        {name: one.clusters for name, one in asked.items()},
        {float(rate): {run: passed(of) for run, of in runs.items()} for rate, runs in validations.items()},
        confidence=config.confidence,
        resamples=config.resamples,
        seed=config.seed,
    )
    from tasks.report.frontier.page import render  # with matplotlib: a second, at the start of every command

    for name, text in ((FIGURES, data.model_dump_json(indent=1) + "\n"), (PAGE, render(data))):
        with whole(out / name) as file:
            file.write(text)
    read = len(base) + sum(len(of) for runs in scores.values() for of in runs.values())
    read += sum(map(len, [*drifts.values(), *validations.values()]))
    return {"methods": len(data.methods()), "rates": len(data.rates), "artifacts": read}


def read_frontier(folder: Path) -> Frontier:
    """What the stage wrote."""
    return Frontier.model_validate_json((folder / FIGURES).read_text(encoding="utf-8"))
