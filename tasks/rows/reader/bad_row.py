"""A row, or a file, that cannot be used: where, which field, and why.

In:  RawRow("line 3", {"question": "What is 3 + 4?"})
Out: BadRow("solution", "is missing or empty …"), told as "line 3: field 'solution': is missing or empty …"
"""

from typing import NamedTuple

from tasks.rows.jsonl import NOT_TEXT, Row
from tasks.rows.source import SourceError

WHOLE = "(whole line)"
OTHER_ENCODING = "in another encoding? --encoding (of a corpus: encoding) names it: gb18030, shift_jis, cp1252"
NO_UTF8 = f"{NOT_TEXT}; {OTHER_ENCODING}"


def fields_of(row: Row) -> str:
    """The fields that a row has, for a sentence that says which one is missing."""
    return f"The row has {(', '.join(map(str, row)) or 'no field')[:200]}"


class BadRow(ValueError):
    """A row that cannot be used: which field, and why."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"field {field!r}: {problem}")
        self.field, self.problem = field, problem

    def __reduce__(self) -> tuple[type["BadRow"], tuple[str, str]]:
        """Pickled as what it was made from: rows go to other processes."""
        return BadRow, (self.field, self.problem)


class UnreadableFile(SourceError):
    """A file of which no row, or not every row, can be had: names the file, what is wrong and what to do."""


class RawRow(NamedTuple):
    """A row in the file's own fields with where it stands ("line 3", "row 3"), or why it is none.

    `under_escaped`: its JSON held backslashes that are no escapes (`\\sqrt`); they were taken for backslashes.
    """

    where: str
    content: Row | BadRow
    under_escaped: bool = False
