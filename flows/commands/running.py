"""How a command runs a flow: Prefect is prepared, what is asked for is checked, and what was made is shown.

In:  the flow `pipeline`, {"method": "sdft", "seeds": [0], "backbone": "nano", "preset": [], "changes": []}
Out: its reports; nothing is started where all of it is in the store
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from infra.temporary_server import TemporaryServer

console = Console()


def known_methods(names: Iterable[str]) -> list[str]:
    """The names, each of a method. Raises BadParameter with what was meant."""
    from flows.experiment import known_method

    try:
        return [known_method(name) for name in names]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def check(
    backbones: list[str],
    presets: list[str] | None,
    overrides: list[str] | None,
    methods: Sequence[str] = (),
    strengths: Sequence[str] = (),
) -> None:
    """Before a server is waited for: a field or value that does not fit is told with what would."""
    from flows.form import FormError, experiment_of
    from flows.strengths import at_strengths

    try:
        made = [experiment_of(backbone, presets or (), overrides or (), of=methods) for backbone in backbones]
        at_strengths(made, methods, strengths)
    except FormError as error:
        raise typer.BadParameter(str(error)) from None


def changes(presets: list[str] | None, overrides: list[str] | None) -> dict[str, Any]:
    """Presets and overrides as a flow's parameters."""
    return {"preset": presets or [], "changes": overrides or []}


def prepare_prefect() -> "TemporaryServer | None":
    """Prefect's own files lie in the project; the server that `make up` started is used where it runs, else a new one.

    Prefect reads its settings when it is imported: call this before anything that imports it.

    Returns:
        The new one, to be started before the first run; None where a server runs.
    """
    from infra.login import login, refusal
    from infra.temporary_server import TemporaryServer
    from infra.up_state import client_environment
    from tasks.runtime.settings import settings

    os.environ.setdefault("PREFECT_HOME", str(settings().environments / "prefect"))
    if "PREFECT_API_URL" in os.environ:
        return None
    if running := client_environment():
        os.environ.update(running)
        if said := refusal(running["PREFECT_API_URL"]):
            raise PermissionError(said)
        return None
    server = TemporaryServer()
    os.environ.update(login() | {"PREFECT_API_URL": server.api})
    return server


def run_flow(flow: Any, parameters: dict[str, Any], server: "TemporaryServer | None") -> list[Any]:
    """The flow's reports. Where no server runs, one is started only if something is still to be made."""
    from flows.finished import finished
    from flows.form import FormError

    if server is not None:
        try:
            made = finished(flow, parameters)
        except FormError as error:
            raise typer.BadParameter(str(error)) from None
        if made:
            console.print("everything is in the store: nothing was run")
            return made
        server.start()
    try:
        made = flow(**parameters)
    except KeyboardInterrupt:
        console.print("stopped. What is made is kept: the same command goes on from there")
        raise typer.Exit(130) from None
    return made if isinstance(made, list) else [made]


def show_reports(made: Any, json_file: Path | None = None) -> None:
    """Print a report's or a frontier's figures and where they lie."""
    from tasks.report.report import FIGURES, PAGE, read_report
    from tasks.report.views.terminal import Headline
    from tasks.runtime.files.whole_file import whole
    from tasks.runtime.stage import store

    folder = store().path(made.key)
    if made.kind == "frontier":
        from tasks.report.frontier import stage, terminal

        console.print(terminal.FrontierTables(stage.read_frontier(folder)))
        console.print(f"frontier, with every point and figure: {folder / stage.PAGE}", soft_wrap=True)
        console.print(f"every answer behind it: {folder / stage.MEASURED}", soft_wrap=True)
        return
    console.print(Headline(read_report(folder)))
    console.print(f"report: {folder / PAGE}", soft_wrap=True)
    if json_file:
        with whole(json_file) as file:
            file.write((folder / FIGURES).read_text(encoding="utf-8"))
        console.print(f"json:   {json_file}", soft_wrap=True)


def write_reports(made: list[Any], json_file: Path) -> None:
    """All reports of a study in one file."""
    from tasks.report.report import FIGURES
    from tasks.runtime.files.whole_file import write_json
    from tasks.runtime.stage import store

    figures = [json.loads((store().path(one.key) / FIGURES).read_text(encoding="utf-8")) for one in made]
    write_json(json_file, {"reports": figures})
    console.print(f"json:   {json_file}", soft_wrap=True)
