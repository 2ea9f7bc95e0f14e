"""`rewriting-agent tables`: Tables 1 to 7 of several reports, one of each backbone, beside the paper's values."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.commands.written import writable

if TYPE_CHECKING:
    from tasks.report.schema.data import ReportData
    from tasks.runtime.store.store import Artifact, Manifest, Store

console = Console()


def tables_command(
    reports: Annotated[
        list[str] | None,
        typer.Argument(
            help="Beginnings of reports' keys or names, or their runs' names; default: the newest of each backbone."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(callback=writable, help="Also write them as Markdown.")] = None,
) -> None:
    """Print the paper's Tables 1 to 7 of reports that were made, its printed values beside ours."""
    from flows.report_of import find_report
    from tasks.runtime.stage import store
    from tasks.runtime.store.store import StoreError

    home = store()
    found = [find_report(home, one) for one in reports] if reports else newest(home)
    if not found:
        raise StoreError(f"no report yet in {home.root}: `rewriting-agent study` makes one")
    show_tables([one.artifact() for one in found], out)


def newest(home: "Store") -> "list[Manifest]":
    """The newest report of each backbone; `manifests` gives the newest first."""
    by_backbone: dict[str, Manifest] = {}
    for one in home.manifests():
        if one.kind == "report":
            by_backbone.setdefault(str(one.config["backbone"]), one)
    return list(by_backbone.values())


def show_tables(made: "Sequence[Artifact]", out: Path | None = None) -> None:
    """The tables of the reports together; to `out` as Markdown too."""
    from tasks.report.report import read_report
    from tasks.report.views.paper_tables import tables
    from tasks.report.views.table import markdown_table, rich_table
    from tasks.runtime.files.whole_file import whole
    from tasks.runtime.stage import store

    read: list[ReportData] = [read_report(store().path(one.key)) for one in made]
    found = tables(read)
    for one in found:
        console.print(rich_table(one))
    if out:
        with whole(out) as file:
            file.write("\n\n".join(markdown_table(one) for one in found) + "\n")
        console.print(f"tables: {out}", soft_wrap=True)
