"""`rewriting-agent store list | du | verify | prune | pin | unpin | note`: what lies there, may go, and stays."""

import datetime
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from flows.commands.wide import show
from tasks.runtime.files.plain_text import label
from tasks.runtime.store import by_name, prune, remarks
from tasks.runtime.store.disk_usage import beside, usage
from tasks.runtime.store.names import REPORTS, asked_by, choose, names_of, tags_of
from tasks.runtime.store.prune import DAY, leftovers, needed
from tasks.runtime.store.remarks import Remark
from tasks.runtime.store.store import Manifest, Store

app = typer.Typer(no_args_is_help=True, help="What lies in the store, whether it is whole, and what of it may go.")
console = Console()


class Order(StrEnum):
    """How `store list` is sorted."""

    age = "age"
    size = "size"
    name = "name"


def store() -> Store:
    """This machine's store. Its import brings Prefect, which reads its settings then: flows/cli.py sets them first."""
    from tasks.runtime import stage

    return stage.store()


Keep = Annotated[
    list[str] | None, typer.Option(help="A key or name, or its beginning, that stays with its inputs; repeatable.")
]


@app.command("list")
def list_command(
    kind: Annotated[str | None, typer.Option(help="Only artifacts of this kind: report, finetune, …")] = None,
    sort: Annotated[Order, typer.Option(help="Oldest last, largest first, or by name.")] = Order.age,
) -> None:
    """Every artifact by its name: how large and how old it is, whether a report or a pin needs it, its note."""
    home = store()
    manifests = home.manifests()
    if not any(kind in (None, one.kind) for one in manifests):
        of_kind = "" if kind is None else f" of kind {kind}"
        console.print(
            f"no artifact{of_kind} in {home.root} (REWRITING_AGENT_STORE names another store)", soft_wrap=True
        )
        return
    kept, called, said = needed(manifests, REPORTS), names_of(manifests), remarks.remarks(home.root)
    pinned = needed(manifests, (), [key for key, one in said.items() if one.pinned])
    by_name.refresh(home.root, called)
    orders: dict[Order, Callable[[Manifest], Any]] = {
        Order.age: lambda one: -one.made,
        Order.size: lambda one: -one.bytes,
        Order.name: lambda one: called[one.key],
    }
    table = Table("name", "method", "seed", "bytes", "made", "days", "needed", "of the run", "note")
    for one in sorted(manifests, key=orders[sort]):
        if kind in (None, one.kind):
            remark, (method, seed) = said.get(one.key, Remark()), asked_by(tags_of(one.run.get("task_run", "")))
            made = f"{datetime.datetime.fromtimestamp(one.made):%Y-%m-%d %H:%M}" if one.made else ""
            days = f"{(time.time() - one.made) / DAY:.1f}" if one.made else ""
            why = "pinned" if remark.pinned else "by a report" if one.key in kept else ""
            why = why or ("by a pin" if one.key in pinned else "")
            told = (method, "" if seed is None else str(seed), f"{one.bytes:,}", made, days, why)
            # What people and runs are called is text, whatever brackets are in it.
            table.add_row(called[one.key], *told, Text(label(one.run.get("flow_run", ""))), Text(label(remark.note)))
    show(table)


@app.command("du")
def du_command(
    below: Annotated[str, typer.Argument(metavar="NAME", help="Only what is called so: finetune/nano.")] = "",
    depth: Annotated[int, typer.Option(min=1, help="Parts of a name that are told apart; 1: by stage.")] = 2,
    days: Annotated[float, typer.Option(min=0, help="What pruning would free of what is older.")] = 7.0,
) -> None:
    """How large the store is, by stage and by name, and what pruning would free."""
    home = store()
    manifests = home.manifests()
    called, below = names_of(manifests), below.rstrip("/…")
    found = usage([(called[one.key], one.bytes) for one in manifests], below, depth)
    if below and not found:
        choose(below, called)  # says what is near
    table = Table("name", Column("artifacts", justify="right"), Column("bytes", justify="right"))
    for name, (count, size) in found.items():
        table.add_row(name, f"{count:,}", f"{size:,}")
    if not below:
        for name, (count, size) in beside(home.root).items():
            table.add_row(f"{name}/", f"{count:,} files", f"{size:,}", style="dim")
    show(table)
    unwanted = [one for one in leftovers(home, REPORTS, days) if not below or one.name.startswith(below)]
    linked = sum(one.bytes - one.frees for one in unwanted)
    also = f"; {linked:,} more are links to files that lie elsewhere too" if linked else ""
    console.print(
        f"store prune --days {days:g} would free {sum(one.frees for one in unwanted):,} bytes of {len(unwanted)} "
        f"folders{also}",
        soft_wrap=True,
    )


Asked = Annotated[str, typer.Argument(metavar="KEY|NAME", help="A key, a name, or the beginning of one.")]


@app.command("pin")
def pin_command(
    asked: Asked, note: Annotated[str | None, typer.Option(help="Say why; shown wherever the artifact is.")] = None
) -> None:
    """Keep an artifact, and all that it was made from, from pruning."""
    home = store()
    key = home.resolve(asked)
    if note is not None:
        remarks.write_note(home.root, key, note)
    remarks.pin(home.root, key)
    above = needed(home.manifests(), (), [key])
    name = home.name(home.manifest(key))
    console.print(f"pinned: {name}, with {len(above) - 1} that it was made from", soft_wrap=True)


@app.command("unpin")
def unpin_command(asked: Asked) -> None:
    """Take a pin away; a note stays."""
    home = store()
    key = home.resolve(asked)
    was = key in remarks.pinned(home.root)
    remarks.unpin(home.root, key)
    console.print(f"{'no longer' if was else 'was not'} pinned: {home.name(home.manifest(key))}", soft_wrap=True)


@app.command("note")
def note_command(asked: Asked, text: Annotated[str, typer.Argument(help='"" takes the note away.')]) -> None:
    """Say something of an artifact; shown by `store list` and the dashboard."""
    home = store()
    key = home.resolve(asked)
    remarks.write_note(home.root, key, text)
    console.print(f"{'noted' if text.strip() else 'no note'}: {home.name(home.manifest(key))}", soft_wrap=True)


@app.command("verify")
def verify_command() -> None:
    """Read every byte of every artifact again and compare; ends with 1 where something is damaged."""
    count, damage = store().verify_all()
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
    found = leftovers(home, REPORTS, days, [home.resolve(one) for one in keep or ()])
    if remove:
        found = prune.remove(home, found)
    table = Table("", "name", "days", "bytes")
    for one in found:
        table.add_row(one.what, one.called, f"{one.days:.1f}", f"{one.bytes:,}")
    show(table)
    console.print(prune.summary(found, remove))
