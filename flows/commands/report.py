"""`rewriting-agent report`, `frontier` and `lineage`: what was made, and what it was made from.

rewriting-agent report --json report.json
rewriting-agent frontier nano-study-seeds-0-1 theirs/measured.parquet
rewriting-agent lineage finetune/nano/sft-seed0
"""

import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from flows.commands.options import Json
from flows.commands.running import console, prepare_prefect, run_flow, show_reports
from flows.commands.wide import show


def report_command(
    reports: Annotated[
        list[str] | None,
        typer.Argument(
            help="Beginning of the report's key or name, or its run's name; the newest where left out. Of several, one "
            "report is made of all their runs."
        ),
    ] = None,
    json_file: Json = None,
) -> None:
    """Show a report that was made, its table and where its page lies; or make one of the runs of several."""
    if reports and len(reports) > 1:
        server = prepare_prefect()
        from flows.report_of import report_of

        [made] = run_flow(report_of, {"reports": reports}, server)
        show_reports(made, json_file)
        return
    from flows.report_of import find_report
    from tasks.runtime.stage import store

    home = store()
    show_reports(find_report(home, reports[0] if reports else "").artifact(), json_file)


def frontier_command(
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="REPORT_OR_FILE",
            help="Beginnings of the keys or names of reports of one backbone, one or more a learning rate; and files "
            "measured.parquet of frontiers made elsewhere or before, whose seeds and methods are added.",
        ),
    ],
    against: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="The method that all others are held against, at the downstream accuracies that SFT sets.",
        ),
    ] = "sft",
) -> None:
    """Compare the methods of several reports over their learning rates, where they gained the same downstream.

    Beside its page a frontier leaves measured.parquet: every model's answer to every question. Another machine's
    seeds are added by naming its file; a published one alone gives the published tables again.
    """
    files = [Path(one).absolute() for one in asked if one.endswith(".parquet")]
    reports = [one for one in asked if not one.endswith(".parquet")]
    if missing := next((one for one in files if not one.is_file()), None):
        raise typer.BadParameter(f"{missing}: no such file")
    if not files and len(reports) < 2:
        raise typer.BadParameter("name two reports or more; `study --rates` makes them in one run")
    server = prepare_prefect()
    from flows.frontier import comparable, frontier_of
    from flows.report_of import ReportsError
    from tasks.report.frontier.matrices import FrontierError

    try:
        comparable(reports, files, against)
    except (ReportsError, FrontierError) as error:
        raise typer.BadParameter(str(error)) from None
    [made] = run_flow(frontier_of, {"reports": reports, "measured": files, "against": against}, server)
    show_reports(made)


def lineage_command(
    key: Annotated[
        str | None, typer.Argument(help="Beginning of a key or name; without it all artifacts are listed.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read every byte again and compare.")] = False,
) -> None:
    """What an artifact was made from, down to corpora and backbone."""
    from rich.table import Table

    from tasks.report.lineage.lineage import tree, walk
    from tasks.runtime.stage import store

    home = store()
    if key is None:
        from infra.dashboard.index import Index

        index = Index(home.root)
        index.refresh()
        table = Table("name", "method", "seed", "benchmark", "made", "seconds", "bytes")
        for entry in sorted(index.entries.values(), key=lambda one: -one.started):
            seed, seconds = "" if entry.seed is None else str(entry.seed), f"{entry.seconds or 0.0:.1f}"
            made = _local_time(entry.started or None)
            name = Text(entry.name)
            if entry.problem:
                name = Text(f"{entry.name}: {entry.problem}", style="red")
            table.add_row(name, entry.method, seed, entry.benchmark, made, seconds, f"{entry.bytes:,}")
        show(table)
        return
    called: dict[str, str] = {}

    def load(one: str) -> dict[str, Any]:
        manifest = home.manifest(one)
        called[one] = home.name(manifest)
        return manifest.model_dump()

    graph = walk(home.resolve(key), load)
    show(tree(graph, called=called))
    if verify:
        damage = {node.key: home.verify(node.key) for node in graph.nodes}
        for one, problem in damage.items():
            if problem:
                console.print(f"[red]{one}: {problem}[/]")
        if any(damage.values()):
            raise typer.Exit(1)
        console.print(f"{len(damage)} artifacts are whole")


def _local_time(started: float | None) -> str:
    return "" if started is None else f"{datetime.datetime.fromtimestamp(started):%Y-%m-%d %H:%M}"
