"""`rewriting-agent rewrite FILE --adapter A`: rewrite and verify a file of demonstrations, rows in, rows out.

In:  a file of questions, solutions and, if there are, answers, of any usual kind and shape (tasks/rows/reader/)
Out: every usable row as it was, and beside its fields
     {"target": "Step 1: …", "kind": "rewrite" | "expert", "verdict": {…} | null, "fallback_reason": null | "wrong" | …}

Rows that were cut off are asked again alone: `--rerun truncated --max-new-tokens N` (flows/commands/rerun.py).

The work lies beside the output in `.<output>.<digest of the work>/`: a killed command that is called
again goes on from there.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.commands.agent import find_adapter, find_experiment
from flows.commands.located import OR_HUB, Revision, Split, Subset, located
from flows.commands.reading import KINDS, Encoding, Map, open_reader, show_understood, survey, tell_set_aside
from flows.commands.rerun import Before, Rerun
from flows.commands.rewritten import rewrite_file
from flows.commands.written import not_the_input, quarantine_of, writable
from tasks.rows.reader.files import SUFFIXES
from tasks.rows.reader.placed import SetAside
from tasks.rows.reader.reader import Reader
from tasks.runtime.files.digest import digest_file, digest_folder, digest_value
from tasks.runtime.progress.status_line import status_line


def rewrite_command(
    file: Annotated[Path, typer.Argument(help=f"Questions and solutions: {KINDS}; {OR_HUB}.")],
    adapter: Annotated[
        str | None,
        typer.Option(
            "--adapter",
            "-a",
            help="The agent: a PEFT folder, or the beginning of a train_agent key (`rewriting-agent lineage`). "
            "Left out: the backbone itself with the rewriting prompt.",
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            "-b",
            help="A name under infra/backbones, a YAML file of your own, or the folder of a model. Left out: what the "
            "agent was trained on; without an agent nano.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", callback=writable, help="File to write; default: FILE with .rewritten.jsonl."),
    ] = None,
    mapping: Map = None,
    encoding: Encoding = None,
    revision: Revision = None,
    subset: Subset = None,
    split: Split = "train",
    max_new_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Most tokens of one rewrite; left out: the backbone's (rewrite.max_new_tokens)."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=2,
            help="0, the default, writes the likeliest rewrite, as the paper does; 1 draws one, as the agent was "
            "trained to (docs/your_data.md says what came of it).",
        ),
    ] = None,
    rerun: Annotated[
        Rerun | None,
        typer.Option(
            help="truncated: of an output that is there, ask again only for the rows whose rewrite was cut off, with a "
            "larger --max-new-tokens; every other row stays as it is."
        ),
    ] = None,
) -> None:
    """Rewrite demonstrations with an agent and verify each; a row whose rewrite fails keeps its own solution."""
    with located(file, revision, subset, split) as location:
        there = file if location == file else Path(location.name)  # a dataset on the hub: in the folder of the command
        out = out or there.with_name(_stem(there.name) + ".rewritten.jsonl")
        not_the_input(file, out, quarantine_of(out))
        out = out.absolute()  # engines run in the project's folder, wherever the command was called
        if rerun and max_new_tokens is None:
            raise typer.BadParameter("name the larger limit with --max-new-tokens", param_hint="--rerun")
        before = Before.of(out) if rerun else None
        if before is not None and not before.again:
            typer.echo(f"no row of {out} was cut off: nothing to ask again")
            return
        given = {"rewrite.max_new_tokens": max_new_tokens, "rewrite.temperature": temperature}
        overrides = {field: value for field, value in given.items() if value is not None}
        _rewrite(open_reader(location, mapping, encoding), location, adapter, backbone, out, overrides, before)


def _rewrite(
    reader: Reader,
    location: Path,
    adapter: str | None,
    backbone: str | None,
    out: Path,
    overrides: Mapping[str, int | float],
    before: Before | None,
) -> None:
    from flows.experiment import load_experiment

    first, bad = survey(reader, location)
    agent = None if adapter is None else find_adapter(adapter)
    experiment = load_experiment(find_experiment(agent, backbone), overrides)
    console = Console()
    show_understood(console, reader, first)
    if agent is not None:
        console.print(f"the agent {agent} on {experiment.backbone.name}", markup=False, soft_wrap=True)
    # What decides which rows there are: the bytes, and how they are read.
    digest = digest_value([_digest(location), reader.mapping, reader.encoding])
    with status_line(console):
        fates = rewrite_file(reader, digest, agent, experiment, out, before)
    summarise(console, fates, bad, out, f"{experiment.backbone.name}{f' with the agent {agent}' if agent else ''}")


def _stem(name: str) -> str:
    """A file's name without what says its kind."""
    for packed in (".gz", ".bz2", ".xz", ".zst"):
        name = name.removesuffix(packed)
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _digest(location: Path) -> str:
    return digest_file(location) if location.is_file() else digest_folder(location)


def summarise(console: Console, fates: Counter[str], bad: list[SetAside], out: Path, rewriter: str) -> None:
    """Print what became of the rows, and by whom; those that could not be used are written beside them."""
    table = Table("rows", "number", "share")
    for fate, number in fates.most_common():
        table.add_row(escape(fate), str(number), f"{number / fates.total():.1%}")
    console.print(table)
    tell_set_aside(console, bad, out)
    console.print(f"written: {out}, by {rewriter}", markup=False, soft_wrap=True)
