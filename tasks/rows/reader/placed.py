"""What a command makes of each row of a file or folder; a row that it cannot use is told with its place.

In:  [a.jsonl, b.jsonl], and a function of a row and its place that raises BadRow
Out: what the function made, …, SetAside(file="b.jsonl", where="b.jsonl, line 3", id="7", field="gold", reason="is …")
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tasks.rows.jsonl import Row, is_text
from tasks.rows.reader.bad_row import BadRow, RawRow
from tasks.rows.reader.files import raw_rows

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that cannot be used."""

    file: str
    where: str
    id: str | None
    field: str
    reason: str

    def describe(self) -> str:
        """One line: where, which row, which field and why."""
        row = f", row {self.id}" if self.id else ""
        return f"{self.where}{row}: field {self.field!r}: {self.reason}"


def each_row(
    files: Sequence[Path],
    make: Callable[[Row, str, bool], Made],
    encoding: str | None = None,
    keep: Callable[[str], bool] | None = None,
) -> Iterator[Made | SetAside]:
    """What `make(row, place, under_escaped)` makes of the rows, in their order; of several files the place names one.

    Args:
        files: of rows, as `row_files` finds them.
        make: raises BadRow at a row that cannot be used.
        encoding: as of `raw_rows`.
        keep: as of `raw_rows`.

    Raises:
        UnreadableFile: a file of which not every row can be had.
    """
    for path in files:
        inside = "" if len(files) == 1 else f"{path.name}, "
        for raw in raw_rows(path, keep, encoding):
            try:
                if isinstance(raw.content, BadRow):
                    raise raw.content
                one: Made | SetAside = make(raw.content, inside + raw.where.partition(" (")[0], raw.under_escaped)
            except BadRow as error:
                one = SetAside(path.name, inside + raw.where, _id_of(raw), error.field, error.problem)
            yield one


def none_usable(location: Path, bad: Sequence[SetAside]) -> str:
    """That no row of a file or folder can be used: the first reason, and what may be behind it."""
    if not bad:
        return f"{location}: no row can be used; the file holds no row"
    said = f"{location}: no row can be used; first: {bad[0].describe()}"
    if not bad[0].file.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
        return said
    return (
        f"{said}. Of {bad[0].file} line 1 was taken for the columns' names: where it is a row, write the names above it"
    )


def number_of(place: str) -> int | str:
    """A row's own number where the place is of one file ("line 3"); else the place, since another file has that too."""
    kind, _, number = place.partition(" ")
    return int(number) if kind in ("line", "row") and number.isdecimal() else place


def _id_of(raw: RawRow) -> str | None:
    own = raw.content.get("id") if isinstance(raw.content, dict) else None
    return str(own) if isinstance(own, str | int) and str(own).strip() and is_text(str(own)) else None
