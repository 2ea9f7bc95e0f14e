"""The command line: `rewriting-agent --help`, or `python -m flows`."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core
from rich.console import Console
from rich.text import Text
from typer.exceptions import TyperException

from flows.commands.dashboard import dashboard_command, question_command, row_command
from flows.commands.export import export_command
from flows.commands.hand_on import dataset_command, model_command, push_command
from flows.commands.init import init_command
from flows.commands.plan import plan_command, why_command
from flows.commands.rewrite import rewrite_command
from flows.commands.score import score_command
from flows.commands.store import app as store_app
from flows.commands.tables import show_tables, tables_command
from flows.commands.verify import verify_command
from flows.commands.wide import show
from tasks.methods.method import methods
from tasks.verify.judges.judge_eval import judge_eval_command

if TYPE_CHECKING:
    from infra.temporary_server import TemporaryServer


class _Group(typer.core.TyperGroup):
    """Ends with one line where something went wrong; the run's log holds the whole story."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except Exception as error:
            Console(stderr=True).print(Text(f"{type(error).__name__}: {error}", style="red"), soft_wrap=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Fine-tune a model on expert demonstrations and forget less: an RL agent rewrites them into the model's own "
    "distribution first.\n\nStart with `rewriting-agent run --backbone nano`: the whole experiment on a laptop.\n\n"
    "For a model and data of your own: `rewriting-agent init` writes the experiment's file.",
)
console = Console()

Backbone = Annotated[
    str,
    typer.Option(
        "--backbone", "-b", help="A name under infra/backbones, a YAML file of your own, or the folder of a model."
    ),
]
Presets = Annotated[
    list[str] | None,
    typer.Option(
        "--preset",
        "-p",
        help="A size under infra/presets: one_gpu, four_gpus or several_machines says where it is computed, smoke or "
        "small how much of it. Goes with any backbone; repeatable, the later one wins.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change a field of the experiment: --set sample.rows=500, --set corpora.0.path=mine.jsonl. Repeatable.",
    ),
]
Json = Annotated[Path | None, typer.Option("--json", help="Also write what the report shows as JSON (docs/report.md).")]


@app.command()
def run(
    backbone: Backbone = "nano",
    method: Annotated[
        str,
        typer.Option(help=f"{', '.join(methods())}; SFT is always run beside it. What each does: docs/methods.md."),
    ] = "rewriting_agent",
    seed: Annotated[
        str,
        typer.Option(
            help="Seed of training, the rows are the same for all; next: the first that was not run, reported with "
            "those before it, as schedules do."
        ),
    ] = "0",
    presets: Presets = None,
    overrides: Overrides = None,
    json_file: Json = None,
) -> None:
    """Run one method on one backbone, from the corpora to a report. What is already made is not made again."""
    server = _prepare_prefect()
    _known_methods([method])
    if seed != "next" and not seed.isdecimal():
        raise typer.BadParameter(f"--seed {seed}: a whole number from 0, or next")
    _check([backbone], presets, overrides)
    from flows.pipeline import pipeline

    asked = {"method": method, "seeds": "next" if seed == "next" else [int(seed)], "backbone": backbone}
    [made] = _run(pipeline, asked | _changes(presets, overrides), server)
    _show(made, json_file)


@app.command()
def study(
    backbone: Annotated[
        list[str] | None, typer.Option("--backbone", "-b", help="Backbones to study; repeatable. Default: nano.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Methods to compare, of {', '.join(methods())}; repeatable. Default: "
            f"{', '.join(name for name, one in methods().items() if one.studied)}."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Training seeds, from 0.")] = 1,
    rates: Annotated[
        str,
        typer.Option(
            metavar="RATE,RATE…",
            help="Learning rates of SFT: --rates 8e-4,1.2e-3 runs every method at each and compares all of them where "
            "they gained the same (a frontier).",
        ),
    ] = "",
    presets: Presets = None,
    overrides: Overrides = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help='Also write {"reports": […]}, one a backbone (docs/report.md).')
    ] = None,
) -> None:
    """Compare methods over backbones and seeds: the paper's Table 1. Reuses every artifact that is there."""
    server = _prepare_prefect()
    from flows.experiment import STUDIED

    compared = _known_methods(method or STUDIED)
    backbones = backbone or ["nano"]
    _check(backbones, presets, overrides)
    from flows.incomplete import Incomplete
    from flows.study import study as study_flow

    asked = {"methods": compared, "seeds": list(range(seeds)), "backbones": backbones, "rates": _rates(rates)}
    failed = None
    try:
        reports = _run(study_flow, asked | _changes(presets, overrides), server)
    except Incomplete as error:
        reports, failed = error.reports, error
    for made in reports:
        _show(made)
    show_tables([one for one in reports if one.kind == "report"])
    if json_file:
        _write_reports([one for one in reports if one.kind == "report"], json_file)
    if failed:
        raise failed


@app.command()
def ablation(
    backbone: Backbone = "nano",
    variant: Annotated[
        list[str] | None,
        typer.Option(
            help="no_dist, no_div, task_only, soft_shaping, success_only, k5, k10, k15 or k20; repeatable. "
            "Default: all."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Training seeds, from 0.")] = 1,
    downstream: Annotated[
        bool, typer.Option(help="Fine-tune and evaluate too; else agents are only measured on held-out rows.")
    ] = True,
    presets: Presets = None,
    overrides: Overrides = None,
    json_file: Json = None,
) -> None:
    """Take parts of the reward or of the construction away: the paper's Tables 3, 4, 5 and 7, and Figures 3 and 4."""
    server = _prepare_prefect()
    from flows.ablation import VARIANTS
    from flows.ablation import ablation as ablation_flow

    variants = variant or list(VARIANTS)
    if unknown := set(variants) - set(VARIANTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: none of {', '.join(VARIANTS)}")
    _check([backbone], presets, overrides)
    asked = {"variants": variants, "seeds": list(range(seeds)), "downstream": downstream, "backbone": backbone}
    [made] = _run(ablation_flow, asked | _changes(presets, overrides), server)
    _show(made, json_file)
    show_tables([made])


@app.command()
def report(
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
        server = _prepare_prefect()
        from flows.report_of import report_of

        [made] = _run(report_of, {"reports": reports}, server)
        _show(made, json_file)
        return
    from flows.report_of import find_report
    from tasks.runtime.stage import store
    from tasks.runtime.store import StoreError

    home = store()
    if not reports and not any(one.kind == "report" for one in home.manifests()):
        raise StoreError(f"no report yet in {home.root}: `rewriting-agent run` makes one")
    _show(find_report(home, reports[0] if reports else "").artifact(), json_file)


@app.command()
def frontier(
    reports: Annotated[
        list[str],
        typer.Argument(help="Beginnings of the keys or names of reports of one backbone, one or more a learning rate."),
    ],
) -> None:
    """Compare the methods of several reports over their learning rates, where they gained the same downstream."""
    if len(reports) < 2:
        raise typer.BadParameter("name two reports or more; `study --rates` makes them in one run")
    server = _prepare_prefect()
    from flows.frontier import frontier_of

    [made] = _run(frontier_of, {"reports": reports}, server)
    _show(made)


@app.command()
def lineage(
    key: Annotated[
        str | None, typer.Argument(help="Beginning of a key or name; without it all artifacts are listed.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read every byte again and compare.")] = False,
) -> None:
    """What an artifact was made from, down to corpora and backbone."""
    from rich.table import Table

    from tasks.report.lineage import tree, walk
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


app.command("init")(init_command)
app.command("tables")(tables_command)
app.command("plan")(plan_command)
app.command("why")(why_command)
app.command("dashboard")(dashboard_command)
app.command("row")(row_command)
app.command("question")(question_command)
app.command("export")(export_command)
# Out of the store, for others.
app.command("dataset")(dataset_command)
app.command("model")(model_command)
app.command("push")(push_command)
# For a file of one's own, without the pipeline.
app.command("score")(score_command)
app.command("rewrite")(rewrite_command)
app.command("verify")(verify_command)
app.command("judge-eval")(judge_eval_command)
app.add_typer(store_app, name="store")


def _known_methods(names: Iterable[str]) -> list[str]:
    from flows.experiment import known_method

    try:
        return [known_method(name) for name in names]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _rates(given: str) -> list[float]:
    try:
        rates = [float(one) for one in given.split(",") if one.strip()]
    except ValueError:
        raise typer.BadParameter(f"--rates {given}: numbers with commas between, as in --rates 8e-4,1.2e-3") from None
    if any(rate <= 0 for rate in rates):
        raise typer.BadParameter(f"--rates {given}: a learning rate is above 0")
    return rates


def _check(backbones: list[str], presets: list[str] | None, overrides: list[str] | None) -> None:
    """Before a server is waited for: a field or value that does not fit is told with what would."""
    from flows.form import FormError, experiment_of

    try:
        for backbone in backbones:
            experiment_of(backbone, presets or (), overrides or ())
    except FormError as error:
        raise typer.BadParameter(str(error)) from None


def _changes(presets: list[str] | None, overrides: list[str] | None) -> dict[str, Any]:
    return {"preset": presets or [], "changes": overrides or []}


def _prepare_prefect() -> "TemporaryServer | None":
    """Prefect's own files lie in the project; the server that `make up` started is used where it runs, else a new one.

    Prefect reads its settings when it is imported: call this before anything that imports it.

    Returns:
        The new one, to be started before the first run; None where a server runs.
    """
    from infra.server import client_environment, login, refusal
    from infra.temporary_server import TemporaryServer
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


def _run(flow: Any, parameters: dict[str, Any], server: "TemporaryServer | None") -> list[Any]:
    """The flow's reports. Where no server runs, one is started only if something is still to be made."""
    from flows.finished import finished

    if server is not None:
        if made := finished(flow, parameters):
            console.print("everything is in the store: nothing was run")
            return made
        server.start()
    made = flow(**parameters)
    return made if isinstance(made, list) else [made]


def _show(made: Any, json_file: Path | None = None) -> None:
    from tasks.report.report import FIGURES, PAGE, read_report
    from tasks.report.terminal import Headline
    from tasks.runtime.stage import store
    from tasks.runtime.whole_file import whole

    folder = store().path(made.key)
    if made.kind == "frontier":
        from tasks.report.frontier import stage, terminal

        console.print(terminal.FrontierTables(stage.read_frontier(folder)))
        console.print(f"frontier: {folder / stage.PAGE}", soft_wrap=True)
        return
    console.print(Headline(read_report(folder)))
    console.print(f"report: {folder / PAGE}", soft_wrap=True)
    if json_file:
        with whole(json_file) as file:
            file.write((folder / FIGURES).read_text(encoding="utf-8"))
        console.print(f"json:   {json_file}", soft_wrap=True)


def _write_reports(made: list[Any], json_file: Path) -> None:
    """All reports of a study in one file."""
    from tasks.report.report import FIGURES
    from tasks.runtime.stage import store
    from tasks.runtime.whole_file import write_json

    figures = [json.loads((store().path(one.key) / FIGURES).read_text(encoding="utf-8")) for one in made]
    write_json(json_file, {"reports": figures})
    console.print(f"json:   {json_file}", soft_wrap=True)


def _local_time(started: float | None) -> str:
    import datetime

    return "" if started is None else f"{datetime.datetime.fromtimestamp(started):%Y-%m-%d %H:%M}"
