"""JSON lines: rows in, rows out, bad rows set aside with a reason.

A row is one JSON object a line, UTF-8, with a stable string `id`:
    {"id": "numinamath_cot/3f2a91c07b5d4e68", "question": "…", "solution": "…", "answer": "…"}
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tasks.runtime.files.whole_file import whole

Row = dict[str, Any]

NOT_TEXT = "holds bytes or half a surrogate pair that are no text in UTF-8"


class RowError(ValueError):
    """A row that cannot be used: names the file, the line or row id, the field and what is wrong."""

    def __init__(self, path: Path | str, where: str, field: str, problem: str) -> None:
        super().__init__(f"{path}: {where}: field {field!r}: {problem}")
        self.path, self.where, self.field, self.problem = str(path), where, field, problem


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Non-empty lines with their number from 1; gzip by the suffix .gz. Bytes that are no UTF-8 fail `is_text`."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line


def read_rows(path: Path, required: Iterable[str] = ()) -> Iterator[Row]:
    """Rows of a file that this project wrote itself, so that any fault is an error: raises RowError."""
    required = tuple(required)
    for number, line in read_lines(path):
        yield _row(path, f"line {number}", line, required)


def row_at(file: BinaryIO, begin: int, required: tuple[str, ...] = ()) -> Row:
    """The row that begins at a byte of such a file."""
    file.seek(begin)
    return _row(file.name, f"byte {begin}", file.readline(), required)


def _row(path: Path | str, where: str, line: str | bytes, required: tuple[str, ...]) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise RowError(path, where, "(whole line)", f"is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise RowError(path, where, "(whole line)", "is not a JSON object")
    for name in required:
        if name not in row:
            raise RowError(path, f"{where}, row {row.get('id', '?')}", name, "is missing")
    return row


def is_text(value: str) -> bool:
    """Whether UTF-8 can hold it: JSON lets half a surrogate pair in, `read_lines` gives other bytes as such halves."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write rows to `path`, all or none; returns their number."""
    count = 0
    with whole(path) as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count
