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
from tasks.report.pass_at_k import Samples
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


@stage(version=7)
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
        ReportError: runs were sampled at different temperatures.
    """

    def read(folders: dict[str, Path]) -> tuple[dict[str, artifacts.Scored], Samples]:
        scored, samples = {}, {}
        for of in (of for folder in folders.values() for of in artifacts.evaluated(folder)):
            scored[of.benchmark] = artifacts.scored(of, config.confidence)
            if drawn := artifacts.sampled(of):
                samples[of.benchmark] = drawn
        return scored, samples

    def correct(scored: dict[str, artifacts.Scored]) -> dict[str, dict[str, float]]:
        return {name: one.correct for name, one in scored.items()}

    def passed(verdicts: Path) -> dict[str, bool]:
        return {row["id"]: row["passed"] for row in read_rows(verdicts / "verdicts.jsonl", ["id", "passed"])}

    asked, base_samples = read(base)
    general = [name for name in asked if benchmark(name).group == "general"]
    runs = {float(rate): {run: read(of) for run, of in by_run.items()} for rate, by_run in scores.items()}
    data = build(
        config.backbone,
        is_nano(config.backbone),
        correct(asked),
        {rate: {run: correct(scored) for run, (scored, _) in by_run.items()} for rate, by_run in runs.items()},
        {
            float(rate): {run: rises(list(read_rows(of / "texts.jsonl")), general) for run, of in by_run.items()}
            for rate, by_run in drifts.items()
        },
        {name: one.clusters for name, one in asked.items()},
        {float(rate): {run: passed(of) for run, of in by_run.items()} for rate, by_run in validations.items()},
        base_samples=base_samples,
        samples={rate: {run: samples for run, (_, samples) in by_run.items()} for rate, by_run in runs.items()},
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
