"""`rewriting-agent store list | verify | prune`: what lies in the store, whether it is whole, what may go."""

import datetime
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tasks.runtime import prune
from tasks.runtime.prune import Leftover, leftovers, needed
from tasks.runtime.store import Store

KEPT = ("report",)  # kinds that a person made a run for: with all that they were made from they stay

app = typer.Typer(no_args_is_help=True, help="What lies in the store, whether it is whole, and what of it may go.")
console = Console()


def store() -> Store:
    """This machine's store. Its import brings Prefect, which reads its settings then: flows/cli.py sets them first."""
    from tasks.runtime import stage

    return stage.store()


Keep = Annotated[list[str] | None, typer.Option(help="Beginning of a key that stays, with its inputs; repeatable.")]


@app.command("list")
def list_command(
    kind: Annotated[str | None, typer.Option(help="Only artifacts of this kind: report, finetune, …")] = None,
) -> None:
    """Every artifact: what it is, which run made it, how large it is, and whether a report needs it."""
    manifests = list(store().manifests())
    kept = needed(manifests, KEPT)
    table = Table("artifact", "of the run", "key", "made", "bytes", "needed")
    for one in manifests:
        if kind in (None, one.kind):
            made = f"{datetime.datetime.fromtimestamp(one.timings.get('started', 0)):%Y-%m-%d %H:%M}"
            size = f"{sum(entry.bytes for entry in one.files):,}"
            name = one.run.get("task_run") or one.kind
            table.add_row(name, one.run.get("flow_run"), one.key[:12], made, size, "yes" if one.key in kept else "")
    console.print(table)


@app.command("verify")
def verify_command() -> None:
    """Read every byte of every artifact again and compare; ends with 1 where something is damaged."""
    count, damage = verify_store(store())
    for said in damage:
        console.print(f"[red]{said}[/]", soft_wrap=True)
    console.print(f"{count - len(damage)} of {count} artifacts are whole")
    if damage:
        raise typer.Exit(1)


@app.command("prune")
def prune_command(
    days: Annotated[float, typer.Option(min=0, help="Only what is older.")] = 7.0,
    keep: Keep = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take it away; without this it is only listed.")] = False,
) -> None:
    """List, or take away, what no report was made from and what is left of killed runs. What is in use stays."""
    home = store()
    found = leftovers(home, KEPT, days, keep or ())
    if remove:
        found = prune.remove(home, found)
    table = Table("", "kind", "key", "days", "bytes")
    for one in found:
        table.add_row(one.what, one.kind, one.key[:12], f"{one.days:.1f}", f"{one.bytes:,}")
    console.print(table)
    console.print(said_of(found, remove))


def verify_store(home: Store) -> tuple[int, list[str]]:
    """How many artifacts were read, and a sentence for each that is damaged."""
    found = {one.key: (one.kind, home.verify(one.key)) for one in home.manifests()}
    found |= {path.parent.name: ("manifest of", home.verify(path.parent.name)) for path in home.unreadable()}
    damage = [f"{kind} {key}: {said}; the next run that needs it builds it again" for key, (kind, said) in found.items()
              if said]  # fmt: skip
    return len(found), damage


def said_of(found: Sequence[Leftover], removed: bool) -> str:
    """ "12 folders, 3,400,000 bytes, may go: remove takes them away"."""
    size = f"{sum(one.bytes for one in found):,}"
    return f"{len(found)} folders, {size} bytes, {'are gone' if removed else 'may go: remove takes them away'}"


def rows_of(found: Sequence[Leftover]) -> list[dict[str, Any]]:
    """The same for a table in the UI."""
    return [
        {"what": one.what, "kind": one.kind, "key": one.key[:12], "days": round(one.days, 1), "bytes": one.bytes}
        for one in found
    ]
