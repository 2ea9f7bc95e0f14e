"""JSON lines: rows in, rows out, bad rows set aside with a reason.

A row is one JSON object a line, UTF-8, with a stable string `id`:
    {"id": "numinamath_cot/3f2a91c07b5d4e68", "question": "…", "solution": "…", "answer": "…"}
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tasks.whole_file import whole

Row = dict[str, Any]


class RowError(ValueError):
    """A row that cannot be used: names the file, the line or row id, the field and what is wrong."""

    def __init__(self, path: Path | str, where: str, field: str, problem: str) -> None:
        super().__init__(f"{path}: {where}: field {field!r}: {problem}")
        self.path, self.where, self.field, self.problem = str(path), where, field, problem


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Non-empty lines with their number from 1; gzip by the suffix .gz."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line


def read_rows(path: Path, required: Iterable[str] = ()) -> Iterator[Row]:
    """Rows of a file that this project wrote itself, so that any fault is an error: raises RowError."""
    required = tuple(required)
    for number, line in read_lines(path):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise RowError(path, f"line {number}", "(whole line)", f"is not JSON: {error.msg}") from None
        if not isinstance(row, dict):
            raise RowError(path, f"line {number}", "(whole line)", "is not a JSON object")
        for name in required:
            if name not in row:
                raise RowError(path, f"line {number}, row {row.get('id', '?')}", name, "is missing")
        yield row


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write rows to `path`, all or none; returns their number."""
    count = 0
    with whole(path) as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count
