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

from flows.pipeline import RUNNER
from flows.report_of import ReportsError, Runs, find_report, rates_of, runs_of
from tasks.report.frontier.stage import FrontierConfig, frontier, read_frontier
from tasks.report.frontier.tables import markdown
from tasks.runtime.futures import Future, finish
from tasks.runtime.planning import walking
from tasks.runtime.show import history_key
from tasks.runtime.stage import store
from tasks.runtime.store import Artifact, Manifest, Store


def submit_frontier(backbone: str, by_rate: Mapping[float, Mapping[str, Mapping[str, Any]]]) -> Future:
    """The frontier of the runs at each rate: {0.0008: {"scores": {"base": …, "sft/0": …}, "drift": {"sft/0": …}}}."""
    base = next(iter(by_rate.values()))["scores"]["base"]

    def trained(role: str) -> dict[str, dict[str, Any]]:
        of_role = {f"{rate:g}": by_rate[rate].get(role, {}) for rate in sorted(by_rate)}
        return {rate: {run: one for run, one in runs.items() if run != "base"} for rate, runs in of_role.items()}

    config = FrontierConfig(backbone=backbone)
    measured = {"scores": trained("scores"), "drifts": trained("drift"), "validations": trained("validation")}
    return frontier.submit(config, base=base, **measured)


def _run_name() -> str:
    return f"frontier of {', '.join(flow_run.parameters['reports'])}"


@flow(name="frontier", flow_run_name=_run_name, task_runner=RUNNER)
def frontier_of(reports: Annotated[Sequence[str], Field(min_length=2)]) -> Artifact:
    """Compare methods over the learning rates of several reports. Nothing else is computed.

    Args:
        reports: names of runs or beginnings of reports' keys, of one backbone and its rows at different rates.
    """
    home = store()
    return make_frontier(*gathered([find_report(home, one) for one in reports], home))


def make_frontier(backbone: str, by_rate: Mapping[float, Mapping[str, Mapping[str, Any]]]) -> Artifact:
    """The frontier of `submit_frontier`, made and shown in the UI."""
    made: Artifact = finish(submit_frontier(backbone, by_rate))
    show_frontier_in_ui(made)
    return made


def gathered(reports: Sequence[Manifest], home: Store) -> tuple[str, dict[float, Runs]]:
    """The backbone, and by rate what each run was measured by.

    Raises:
        ReportsError: they are of different backbones or rows; a report holds no SFT, or has one at several rates.
    """
    runs_of(reports, only="base")  # the same at all rates
    at_rate: dict[float, list[Manifest]] = {}
    for one in reports:
        rates = rates_of(one, home)
        if len(rates) != 1:
            raise ReportsError(f"{one.key[:12]} has SFT at {len(rates)} learning rates; a frontier needs one a report")
        at_rate.setdefault(rates.pop(), []).append(one)
    return reports[0].config["backbone"], {rate: runs_of(found) for rate, found in at_rate.items()}


def show_frontier_in_ui(made: Artifact) -> None:
    """Attach the tables to the flow run; a plan has none."""
    if walking():
        return
    data = read_frontier(store().path(made.key))
    key = history_key("frontier", data.backbone)
    create_markdown_artifact(markdown(data), key=key, description=f"{data.backbone}: methods over learning rates")
