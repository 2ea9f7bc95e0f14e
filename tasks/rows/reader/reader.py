"""The one reader of rows: any usual file or folder, any usual shape; what cannot be used is told with its place.

In:  mine.parquet, rows.json, a folder …; {"instruction": "Find the mean.", "input": "4, 8", "output": "6"}
Out: Demonstration(id="row 1", question="Find the mean.\\n\\n4, 8", solution="6", answer=None, source="-", …)

`Reader` is read anew by every loop over it and gives the same rows each time; no row is held. Its counts are those of
the last whole loop.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tasks.rows.jsonl import NOT_TEXT, Row, is_text
from tasks.rows.reader import names
from tasks.rows.reader.bad_row import BadRow
from tasks.rows.reader.files import raw_rows, row_files
from tasks.rows.reader.identity import Ids
from tasks.rows.reader.mapping import at_path
from tasks.rows.reader.repair import repaired
from tasks.rows.reader.shapes import understand


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A row as it was understood, and as it stood in the file."""

    id: str
    question: str
    solution: str
    answer: str | None
    source: str
    shape: str
    original: Row

    def row(self) -> Row:
        """The row under the project's own names."""
        parts = ("id", "question", "solution", "answer", "source")
        return {name: getattr(self, name) for name in parts}


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


@dataclass
class Counts:
    """What became of the rows of a file."""

    usable: int = 0
    bad: int = 0
    mended: int = 0  # rows in which lost backslashes were put back, or zero bytes left out
    repeated_ids: int = 0
    shapes: Counter[str] = field(default_factory=Counter)


class Reader:
    """Rows of a file or folder. Iterating gives each as a `Demonstration` or `SetAside`, in the file's order."""

    def __init__(
        self,
        location: Path,
        mapping: Mapping[str, str] | None = None,
        encoding: str | None = None,
        whole: bool = True,
    ) -> None:
        """`whole` False reads of tables only the columns that a row is made of; `original` then holds these alone.

        Raises:
            UnreadableFile: no file to read.
        """
        self.files = row_files(location)
        self.mapping, self.encoding, self.whole = dict(mapping or {}), encoding, whole
        self.counts = Counts()

    def __iter__(self) -> Iterator[Demonstration | SetAside]:
        ids, counts = Ids(), Counts()
        for path in self.files:
            inside = "" if len(self.files) == 1 else f"{path.name}, "
            for raw in raw_rows(path, None if self.whole else self._keep, self.encoding):
                try:
                    if isinstance(raw.content, BadRow):
                        raise raw.content
                    one = self._understood(
                        raw.content, inside + raw.where.partition(" (")[0], ids, raw.under_escaped, counts
                    )
                except BadRow as error:
                    counts.bad += 1
                    own = raw.content.get("id") if isinstance(raw.content, dict) else None
                    row_id = str(own) if isinstance(own, str | int) and str(own).strip() and is_text(str(own)) else None
                    yield SetAside(path.name, inside + raw.where, row_id, error.field, error.problem)
                else:
                    counts.usable += 1
                    counts.shapes[one.shape] += 1
                    yield one
        counts.repeated_ids = ids.repeated
        self.counts = counts

    def _understood(self, row: Row, place: str, ids: Ids, under_escaped: bool, counts: Counts) -> Demonstration:
        found = understand(row, self.mapping)
        question = repaired(found.question, "question", under_escaped)
        solution = repaired(found.solution, "solution", under_escaped)
        answer = found.answer and repaired(found.answer, "answer", under_escaped)
        counts.mended += under_escaped or (question, solution, answer) != (
            found.question,
            found.solution,
            found.answer,
        )
        for name, text in (("question", question), ("solution", solution), ("answer", answer or "")):
            if not is_text(text):
                raise BadRow(name, NOT_TEXT)
        own = at_path(row, self.mapping["id"]) if "id" in self.mapping else row.get("id")
        return Demonstration(ids.unique(own, place), question, solution, answer, found.source, found.shape, row)

    def _keep(self, column: str) -> bool:
        """Whether a row may be made of a table's column."""
        mapped = {step for path in self.mapping.values() for step in (path, path.partition(".")[0])}
        return column in mapped or names.plain_name(column) in names.EVERY
