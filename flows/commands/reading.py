"""What `score`, `rewrite` and `verify` share of reading a file of the user's own, and how they tell what they took.

In:  mine.parquet --map question=data.problem
Out: a Reader; printed: "6 rows: instruction + input → output" and one row as it was understood
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.commands.located import OR_HUB
from flows.commands.written import quarantine_of
from tasks.rows.jsonl import Row, write_rows
from tasks.rows.prompts import GENERAL
from tasks.rows.reader.bad_row import UnreadableFile
from tasks.rows.reader.mapping import MapError, parse_map
from tasks.rows.reader.placed import SetAside, none_usable
from tasks.rows.reader.reader import Demonstration, Reader

if TYPE_CHECKING:
    from flows.experiment import Experiment

KINDS = "JSON lines, a JSON array, CSV, Parquet or Arrow, also compressed, or a folder of them"

Questions = Annotated[Path, typer.Argument(help=f"Questions and targets: {KINDS}; {OR_HUB}.")]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="Where a part of the row is, for fields with other names: question=data.problem; repeat it for solution, "
        "answer, id and source.",
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(help="Encoding of a text file (cp1252, utf-16-le …); default: by its first bytes, else UTF-8."),
]

_SHOWN = 300  # characters of a text


@contextmanager
def told() -> Iterator[None]:
    """A file that cannot be read, or a mapping that cannot be used, as an error of the command line."""
    try:
        yield
    except (UnreadableFile, MapError) as error:
        raise typer.BadParameter(str(error)) from None


def open_reader(location: Path, mapping: list[str] | None, encoding: str | None, whole: bool = True) -> Reader:
    """The reader of a file or folder. Raises BadParameter."""
    if not location.exists():
        raise typer.BadParameter(f"{location} is no file or folder")
    with told():
        return Reader(location, parse_map(mapping or ()), encoding, whole)


def asked_by(experiment: "Experiment") -> Row:
    """What a row of a file is given so that it is asked as the experiment's own rows are: its first corpus's domain."""
    return {"domain": GENERAL} if experiment.corpora[0].domain == "general" else {}


def survey(reader: Reader, location: Path) -> tuple[Demonstration, list[SetAside]]:
    """One whole pass: the first usable row and those set aside; the counts are then in the reader.

    Raises:
        BadParameter: no row can be used, or the file is broken.
    """
    first, bad = None, []
    with told():
        for one in reader:
            if isinstance(one, SetAside):
                bad.append(one)
            elif first is None:
                first = one
    if first is None:
        raise typer.BadParameter(none_usable(location, bad))
    return first, bad


def tell_set_aside(console: Console, bad: list[SetAside], out: Path | None = None) -> None:
    """Print how many rows cannot be used, and the first of them; all lie beside the output, where there is one."""
    if not bad:
        return
    there = "are set aside"
    if out is not None:
        write_rows(quarantine_of(out), map(asdict, bad))
        there = f"set aside in {quarantine_of(out)}"
    console.print(f"{len(bad)} rows {there}; first: {escape(bad[0].describe())}", style="yellow", soft_wrap=True)


def show_understood(console: Console, reader: Reader, first: Demonstration) -> None:
    """Print which shapes were taken and one row as it was understood; the user's texts are escaped."""
    counts = reader.counts
    for shape, number in counts.shapes.most_common():
        console.print(f"{number} rows read as {escape(shape)}")
    table = Table("part", f"{escape(first.id)}, as it was understood")
    for part in ("question", "solution", "answer", "source"):
        text = getattr(first, part)
        if text is not None and text != "-":
            table.add_row(part, escape(text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"))
    console.print(table)
    for number, what in (
        (counts.repeated_ids, "rows repeat an id: it got #2, #3 … behind it"),
        (counts.mended, "rows were mended: LaTeX's backslashes that JSON took for escapes, or zero bytes"),
    ):
        if number:
            console.print(f"{number} {what}", style="yellow")
