"""`rewriting-agent export REPORT --to mlflow`: fill a sink that was switched on later, or missed something."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from tasks.runtime.store import Manifest

console = Console()


def export_command(
    report: Annotated[
        str | None,
        typer.Argument(help="Beginning of the report's key, or the name of its run; the newest where left out."),
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
    from infra.sinks.feed import export
    from tasks.runtime import sinks
    from tasks.runtime.stage import store
    from tasks.runtime.store import StoreError

    if unknown := set(to or ()) - set(sinks.PACKAGES):
        raise typer.BadParameter(f"--to {', '.join(sorted(unknown))}: none of {', '.join(sinks.PACKAGES)}")
    names = to or sinks.on()
    if not names:
        raise sinks.SinkError(f"no sink is on: {sinks.variable('mlflow')}=sqlite:///mlflow.db, say (docs/sinks.md)")
    home = store()
    found = next((one for one in home.manifests() if one.kind == "report" and _is(one, report)), None)
    if found is None:
        raise StoreError(f"no report {report or ''} in {home.root}: `rewriting-agent store list --kind report`")
    sinks.check(names)
    for name in names:
        told = export(name, found, home)
        what = "events" if name == "openlineage" else "runs"
        at = sinks.without_secrets(sinks.target(name) or "")
        console.print(f"{name}: {told} {what} that it did not know, to {at}", soft_wrap=True)


def _is(report: "Manifest", name: str | None) -> bool:
    return name is None or report.key.startswith(name) or report.run.get("flow_run") == name
