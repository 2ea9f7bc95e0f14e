"""Methods over several learning rates: of a study with `rates`, or of reports that were made one a rate.

In:  reports ["nano-study-seeds-0-1-2", "9f3c…"], of the same backbone and rows at different rates
     measured ["theirs/measured.parquet"], of frontiers that were made elsewhere: more seeds, more methods
Out: a frontier: each method's curve, and all of them compared at the same downstream accuracy
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run

from flows.pipeline import RUNNER
from flows.report_of import ReportsError, Runs, find_report, rates_of, runs_of
from tasks.report.frontier.curves import strengths_in
from tasks.report.frontier.data import SFT
from tasks.report.frontier.measured import backbone_of, contents
from tasks.report.frontier.stage import FrontierConfig, frontier, read_frontier
from tasks.report.frontier.tables import markdown
from tasks.runtime.files.meant import meant
from tasks.runtime.futures import Future, finish
from tasks.runtime.planning import walking
from tasks.runtime.show import history_key
from tasks.runtime.stage import store
from tasks.runtime.store.store import Artifact, Manifest, Store

ByRate = Mapping[float, Mapping[str, Mapping[str, Any]]]


def submit_frontier(backbone: str, by_rate: ByRate, files: Sequence[Path] = (), against: str = SFT) -> Future:
    """The frontier of the runs at each rate: {0.0008: {"scores": {"base": …, "sft/0": …}, "drift": {"sft/0": …}}}, and
    of those that files hold; all held against one method."""
    base = next(iter(by_rate.values()))["scores"]["base"] if by_rate else {}

    def trained(role: str) -> dict[str, dict[str, Any]]:
        of_role = {f"{rate:g}": by_rate[rate].get(role, {}) for rate in sorted(by_rate)}
        return {rate: {run: one for run, one in runs.items() if run != "base"} for rate, runs in of_role.items()}

    roles = {"scores": "scores", "drifts": "drift", "validations": "validation", "models": "model"}
    config = FrontierConfig(backbone=backbone, measured=tuple(files), against=against)
    of_runs = {name: trained(role) for name, role in roles.items()}
    return frontier.submit(config, base=base, **of_runs)


def _run_name() -> str:
    asked = flow_run.parameters
    held = "" if asked["against"] == SFT else f", against {asked['against']}"
    return f"frontier of {', '.join([*asked['reports'], *map(str, asked['measured'])])}{held}"


@flow(name="frontier", flow_run_name=_run_name, task_runner=RUNNER)
def frontier_of(reports: Sequence[str] = (), measured: Sequence[Path] = (), against: str = SFT) -> Artifact:
    """Compare methods over the learning rates of several reports. Nothing else is computed.

    Args:
        reports: names of runs or beginnings of reports' keys, of one backbone and its rows at different rates.
        measured: files measured.parquet of frontiers that were made elsewhere or before, of the same experiment: their
            seeds and methods are added. Without reports they alone are compared.
        against: the method that all others are held against; the downstream accuracies at which they are matched are
            SFT's all the same.

    Raises:
        ReportsError: neither is named, reports cannot be compared, or `against` is not among the runs.
        FrontierError: a file is none of a frontier.
    """
    backbone, by_rate = comparable(reports, measured, against)
    return make_frontier(backbone, by_rate, measured, against)


def comparable(reports: Sequence[str], measured: Sequence[Path], against: str) -> tuple[str, dict[float, Runs]]:
    """What `frontier_of` compares: the backbone, and by rate the reports' runs. Nothing is started for it.

    Raises:
        ReportsError: neither reports nor files are named, or they cannot be compared; `against` is no method of theirs.
        FrontierError: a file is none of a frontier.
        StoreError: there is no such report.
    """
    home = store()
    if reports:
        backbone, by_rate = gathered([find_report(home, one) for one in reports], home)
    elif measured:
        backbone, by_rate = backbone_of(measured[0]), {}
    else:
        raise ReportsError("name reports, or files measured.parquet of frontiers")
    held = [of for path in measured for of in contents(path).runs.values()]
    named = (name for of in [*held, *(runs["scores"] for runs in by_rate.values())] for name in of)
    methods = strengths_in(name.partition("/")[0] for name in named if name != "base")
    if against not in methods:
        raise ReportsError(f"{against!r} is not among the runs: {meant(against, sorted(methods))}")
    return backbone, by_rate


def make_frontier(backbone: str, by_rate: ByRate, files: Sequence[Path] = (), against: str = SFT) -> Artifact:
    """The frontier of `submit_frontier`, made and shown in the UI."""
    made: Artifact = finish(submit_frontier(backbone, by_rate, files, against))
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
