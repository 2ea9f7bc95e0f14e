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
from tasks.rows.reader.files import row_files
from tasks.rows.reader.identity import Ids
from tasks.rows.reader.mapping import at_path
from tasks.rows.reader.placed import SetAside, each_row
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

        def make(row: Row, place: str, under_escaped: bool) -> Demonstration:
            return self._understood(row, place, ids, under_escaped, counts)

        for one in each_row(self.files, make, self.encoding, None if self.whole else self._keep):
            if isinstance(one, SetAside):
                counts.bad += 1
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
