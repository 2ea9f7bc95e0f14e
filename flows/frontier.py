"""Methods over several learning rates: of a study with `rates`, or of reports that were made one a rate.

In:  reports ["nano-study-seeds-0-1-2", "9f3c…"], of the same backbone and rows at different rates
Out: a frontier: each method's curve, and all of them compared at the same downstream accuracy
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run
from pydantic import Field

from flows.pipeline import RUNNER, Future
from flows.report_of import ReportsError, find_report
from tasks.report.frontier.stage import FrontierConfig, frontier, read_frontier
from tasks.report.frontier.tables import markdown
from tasks.runtime.futures import finish
from tasks.runtime.planning import walking
from tasks.runtime.show import history_key
from tasks.runtime.stage import store
from tasks.runtime.store import Artifact, Manifest, Store

Scores = dict[str, Any]  # of a run, by benchmark


def submit_frontier(backbone: str, base: Scores, by_rate: Mapping[float, Mapping[str, Scores]]) -> Future:
    """The frontier of runs ("sft/0") at each rate."""
    scores = {f"{rate:g}": dict(runs) for rate, runs in sorted(by_rate.items())}
    return frontier.submit(FrontierConfig(backbone=backbone), base=base, scores=scores)


def _run_name() -> str:
    return f"frontier of {', '.join(flow_run.parameters['reports'])}"


@flow(name="frontier", flow_run_name=_run_name, task_runner=RUNNER)
def frontier_of(reports: Annotated[Sequence[str], Field(min_length=2)]) -> Artifact:
    """Compare methods over the learning rates of several reports. Nothing else is computed.

    Args:
        reports: names of runs or beginnings of reports' keys, of one backbone and its rows at different rates.
    """
    home = store()
    backbone, base, by_rate = gathered([find_report(home, one) for one in reports], home)
    made: Artifact = finish(submit_frontier(backbone, base, by_rate))
    show_frontier_in_ui(made)
    return made


def gathered(reports: Sequence[Manifest], home: Store) -> tuple[str, Scores, dict[float, dict[str, Scores]]]:
    """The backbone, its own scores, and by rate those of every run.

    Raises:
        ReportsError: they are of different backbones or rows; a report holds no SFT, or has one at several rates.
    """
    first, base, by_rate = reports[0], Scores(), dict[float, dict[str, Scores]]()
    for one in reports:
        if one.config["backbone"] != first.config["backbone"]:
            raise ReportsError(f"{one.key[:12]} is of {one.config['backbone']}, not of {first.config['backbone']}")
        runs = by_rate.setdefault(_rate(one, home), {})
        for place, artifact in one.inputs.items():
            role, run, *of = place.split(".", 2)
            if role != "scores":
                continue
            at = base if run == "base" else runs.setdefault(run, {})
            if at.setdefault(of[0], artifact) != artifact:
                raise ReportsError(f"{one.key[:12]} has another {run} on {of[0]}: not of one experiment")
    return first.config["backbone"], base, by_rate


def _rate(report: Manifest, home: Store) -> float:
    """The learning rate of its SFT models, which stands for the report: methods may derive theirs from it."""
    models = [artifact for place, artifact in report.inputs.items() if place.startswith("model.sft/")]
    rates = {float(home.manifest(one.key).config["learning_rate"]) for one in models}
    if len(rates) != 1:
        raise ReportsError(f"{report.key[:12]} has SFT at {len(rates)} learning rates; a frontier needs one a report")
    return rates.pop()


def show_frontier_in_ui(made: Artifact) -> None:
    """Attach the tables to the flow run; a plan has none."""
    if walking():
        return
    data = read_frontier(store().path(made.key))
    key = history_key("frontier", data.backbone)
    create_markdown_artifact(markdown(data), key=key, description=f"{data.backbone}: methods over learning rates")
