"""One report of the runs of several: seeds that were run on different days, methods that were run apart.

In:  reports ["nano-sft-seed-0", "9f3c…"]: names of runs, or beginnings of reports' keys
Out: a report of all their runs, base, sft/0, sdft/0, …: nothing else is computed
"""

from collections.abc import Sequence
from typing import Annotated, Any

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flows.pipeline import RUNNER
from flows.views import show_in_ui
from tasks.report.stage import ReportConfig, report
from tasks.runtime.futures import finish
from tasks.runtime.stage import store
from tasks.runtime.store.names import choose, names_of
from tasks.runtime.store.store import Artifact, Manifest, Store, StoreError

Runs = dict[str, dict[str, Any]]  # by role, then by run ("sft/0"), of scores by benchmark too: artifacts


class ReportsError(ValueError):
    """Reports that cannot be one: says which, and where they differ."""


def _run_name() -> str:
    return f"report of {', '.join(flow_run.parameters['reports'])}"


@flow(name="report", flow_run_name=_run_name, task_runner=RUNNER)
def report_of(reports: Annotated[Sequence[str], Field(min_length=1)]) -> Artifact:
    """One report of all the runs that several reports hold. Nothing else is computed.

    Args:
        reports: names of runs (nano-sft-seed-0: the newest of that name) or beginnings of reports' keys; of one
            backbone and one experiment. `rewriting-agent store list --kind report` lists them.
    """
    home = store()
    config, roles = joined([find_report(home, one) for one in reports], home)
    made: Artifact = finish(report.submit(config, **roles))
    show_in_ui(made)
    return made


def find_report(home: Store, asked: str) -> Manifest:
    """The newest report of a run's name, or the one whose key or name begins so; of "" the newest of all.

    Raises:
        StoreError: there is none, or several.
    """
    found = [one for one in home.manifests() if one.kind == "report"]
    if not found:
        raise StoreError(f"no report yet in {home.root}: `rewriting-agent run` makes one")
    if of_run := [one for one in found if asked in ("", one.run.get("flow_run"))]:
        return of_run[0]
    try:
        return home.manifest(choose(asked, names_of(found), "report"))
    except LookupError as error:
        raise StoreError(f"{error.args[0]} ({home.root})") from None


def joined(reports: Sequence[Manifest], home: Store) -> tuple[ReportConfig, Runs]:
    """The config of the report of all their runs, and its inputs.

    Raises:
        ReportsError: they are of different backbones, rows, learning rates or settings.
    """
    rates = {rate for one in reports for rate in rates_of(one, home)}
    if len(rates) > 1:
        of = " and ".join(f"{rate:g}" for rate in sorted(rates))
        asked = " ".join(one.key[:12] for one in reports)
        raise ReportsError(f"they have SFT at {of}: `rewriting-agent frontier {asked}` compares over learning rates")
    roles = runs_of(reports)
    _check_settings(roles, home)
    return ReportConfig.model_validate(reports[0].config), roles


def runs_of(reports: Sequence[Manifest], only: str | None = None) -> Runs:
    """What the reports were made of, by role and run: of all runs, or of one.

    Raises:
        ReportsError: they are of different backbones, or have another artifact in the same place.
    """
    first = reports[0]
    roles: Runs = {}
    for one in reports:
        if one.config["backbone"] != first.config["backbone"]:
            backbones = first.config["backbone"], one.config["backbone"]
            raise ReportsError(f"{_name(first)} is of {backbones[0]}, {_name(one)} of {backbones[1]}")
        for place, artifact in one.inputs.items():
            role, _, run = place.partition(".")
            path, last = [], run
            if role == "scores":  # of a run by benchmark: "sft_kl=0.5/0", "math500"
                *path, last = run.rsplit(".", 1)
            if only not in (None, (path or [last])[0]):
                continue
            at: dict[str, Any] = roles.setdefault(role, {})
            for name in path:
                at = at.setdefault(name, {})
            if at.setdefault(last, artifact) != artifact:
                two = f"{_name(first)} and {_name(one)}"
                raise ReportsError(f"{two} have another {place.replace('.', ' ')}: they are not of one experiment")
    return roles


def rates_of(report: Manifest, home: Store) -> set[float]:
    """The learning rates of its SFT models, which stand for the report: methods may derive theirs from it."""
    models = [artifact for place, artifact in report.inputs.items() if place.startswith("model.sft/")]
    return {float(home.manifest(one.key).config["learning_rate"]) for one in models}


def _check_settings(roles: Runs, home: Store) -> None:
    """Seeds of one method are compared with each other: all but the seed is the same."""
    for role in ("agent", "model"):
        settings: dict[str, tuple[str, dict[str, Any]]] = {}
        for run, artifact in roles.get(role, {}).items():
            manifest = home.manifest(artifact.key)
            mine = {name: value for name, value in manifest.config.items() if name != "seed"}
            mine["version of the stage"] = manifest.stage_version
            other, theirs = settings.setdefault(run.partition("/")[0], (run, mine))
            if differ := sorted(name for name in {*mine, *theirs} if mine.get(name) != theirs.get(name)):
                raise ReportsError(
                    f"{other} and {run} differ in {manifest.kind}.{', '.join(differ)}: not seeds of one experiment"
                )


def _name(report: Manifest) -> str:
    return f"{report.run.get('flow_run') or 'report'} ({report.key[:12]})"
