"""The report as a stage: its inputs are the runs' artifacts by role.

In:  scores {"base": {"math500": …}, "sft/0": {…}}, dataset {"sft/0": …}, model {…}, target_nll {…}, agent {…}, …
Out: report.html, report.json
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect.runtime import flow_run

from tasks.report.collect import ReportConfig, collect
from tasks.report.report import build_report
from tasks.runtime.stage import Metrics, stage
from tasks.runtime.store.store import read_manifest

__all__ = ["ReportConfig", "report"]


@stage(version=15)
def report(
    config: ReportConfig,
    out: Path,
    *,
    scores: dict[str, dict[str, Path]],
    dataset: dict[str, Path] | None = None,
    model: dict[str, Path] | None = None,
    target_nll: dict[str, Path] | None = None,
    agent: dict[str, Path] | None = None,
    untrained: dict[str, Path] | None = None,
    trained: dict[str, Path] | None = None,
    held_out: dict[str, Path] | None = None,
    drift: dict[str, Path] | None = None,
    validation: dict[str, Path] | None = None,
) -> Metrics:
    """Collect the runs' figures and write the page and its JSON.

    `held_out` holds the rows that `untrained` and `trained` were measured on, for the examples; any run may name it.
    `validation` is what a frontier chooses rates by: it is in the lineage and in no figure here.

    Raises:
        ReportError: the base's scores are missing, or runs were measured on different rows.
    """
    by_benchmark = {f"{run}/{name}": folder for run, folders in scores.items() for name, folder in folders.items()}
    given = {"scores": by_benchmark, "dataset": dataset, "model": model, "target_nll": target_nll, "agent": agent}
    given |= {"untrained": untrained, "trained": trained, "held_out": held_out, "drift": drift}
    given |= {"validation": validation}
    roles: dict[str, Mapping[str, Path]] = {role: folders for role, folders in given.items() if folders}
    store = next(iter(by_benchmark.values())).parent

    def load(key: str) -> dict[str, Any]:
        return read_manifest(store / key)  # manifests of ancestors: what they say, not what they hold

    data = collect(config, roles, load, str(flow_run.id or ""))
    build_report(data, out)
    return {"runs": len(data.runs), "methods": len(data.summaries), "artifacts": len(data.lineage.nodes)}
