"""`rewriting-agent export REPORT`: `--to mlflow` fills a sink; `--as lm-eval --out FOLDER` writes files for others."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console()


def export_command(
    report: Annotated[
        str | None,
        typer.Argument(help="Beginning of the report's key or name, or its run's name; the newest where left out."),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SINK",
            help="mlflow, wandb, tensorboard or openlineage, whose setting says where it writes; repeatable. Default: "
            "all that are on.",
        ),
    ] = None,
    as_: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="FORMAT",
            help="lm-eval: its results_*.json and samples_*.jsonl, as --log_samples writes them. captrack: "
            "model_responses/MODEL/TASK.jsonl. With --out; no sink is told.",
        ),
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for --as; it is not there yet, or empty.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with the benchmarks' data, for --as; else they are downloaded.")
    ] = None,
) -> None:
    """Tell MLflow, W&B, TensorBoard or OpenLineage of a report that was made; or write its answers for other tools.

    What a sink knows is not told twice.
    """
    if as_ or out:
        _as_files(report or "", as_, out, data)
        return
    from flows.report_of import find_report
    from infra.sinks.feed import export
    from tasks.runtime.files.secret import without_secrets
    from tasks.runtime.sinks import sinks
    from tasks.runtime.stage import store

    if unknown := set(to or ()) - set(sinks.PACKAGES):
        raise typer.BadParameter(f"--to {', '.join(sorted(unknown))}: none of {', '.join(sinks.PACKAGES)}")
    names = to or sinks.on()
    if not names:
        raise sinks.SinkError(f"no sink is on: {sinks.variable('mlflow')}=sqlite:///mlflow.db, say (docs/sinks.md)")
    home = store()
    found = find_report(home, report or "")
    sinks.check(names)
    for name in names:
        told = export(name, found, home)
        what = "events" if name == "openlineage" else "runs"
        at = without_secrets(sinks.target(name) or "")
        console.print(f"{name}: {told} {what} that it did not know, to {at}", soft_wrap=True)


def _as_files(report: str, kind: str, out: Path | None, data: Path | None) -> None:
    from flows.hand_on.evaluations import write_evaluations
    from flows.report_of import find_report
    from tasks.evaluate.exported import FORMATS
    from tasks.runtime.stage import store

    if kind not in FORMATS or out is None:
        raise typer.BadParameter(f"--as {' or '.join(FORMATS)}, with --out FOLDER")
    home = store()
    count = write_evaluations(home, find_report(home, report), kind, out, data)
    console.print(f"{kind}: {count} files in {out}", soft_wrap=True)
