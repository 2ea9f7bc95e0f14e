"""`rewriting-agent export REPORT --to mlflow`: fill a sink that was switched on later, or missed something."""

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
) -> None:
    """Tell MLflow, W&B, TensorBoard or OpenLineage of a report that was made. What they know is not told twice."""
    from flows.report_of import find_report
    from infra.sinks.feed import export
    from tasks.runtime import sinks
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
        at = sinks.without_secrets(sinks.target(name) or "")
        console.print(f"{name}: {told} {what} that it did not know, to {at}", soft_wrap=True)
