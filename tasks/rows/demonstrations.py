"""A user's own file of demonstrations: JSON lines whose fields have one of the usual names.

In:  {"problem": "What is 3 + 4?", "generated_solution": "3 + 4 = 7. \\boxed{7}", "expected_answer": "7"}
Out: {"id": "line 1", "question": "…", "solution": "…", "answer": "7", "source": "-"}; the row as it was, beside it
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.rows.jsonl import NOT_TEXT, Row, is_text, read_lines

QUESTION = ("question", "problem", "instruction")
SOLUTION = ("solution", "target", "generated_solution", "output", "response")
ANSWER = ("answer", "expected_answer", "final_answer")
SOURCE = ("source", "problem_source")


@dataclass(frozen=True)
class Demonstrations:
    """Usable rows in the file's order, each row of the file that became one by its id, and the others with a reason."""

    rows: list[Row]
    originals: dict[str, Row]
    bad: list[Row]  # {"line": 3, "id": "x", "field": "question", "reason": "is missing"}

    def evenly(self, count: int) -> list[Row]:
        """At most `count` rows, evenly spaced over the file."""
        count = min(count, len(self.rows))
        return [self.rows[int(i * len(self.rows) / count)] for i in range(count)]


def read_demonstrations(file: Path) -> Demonstrations:
    """Read a file; `.gz` is unpacked. A row without an id gets its line's number; a repeated id is refused."""
    made = Demonstrations([], {}, [])
    for number, line in read_lines(file):
        original, row = _parse(line, number)
        problem = _problem(row, made)
        if problem is not None:
            row_id = row["id"] if row and is_text(row["id"]) else None
            made.bad.append({"line": number, "id": row_id, "field": problem[0], "reason": problem[1]})
            continue
        made.originals[row["id"]] = original
        made.rows.append(row)
    return made


def _parse(line: str, number: int) -> tuple[Row, Row]:
    """The row as it is, and with our names; both empty where the line holds no object."""
    try:
        original = json.loads(line)
    except json.JSONDecodeError:
        return {}, {}
    if not isinstance(original, dict):
        return {}, {}
    return original, {
        "id": str(original.get("id", f"line {number}")),
        "question": _text(original, QUESTION),
        "solution": _text(original, SOLUTION),
        "answer": _text(original, ANSWER) or None,
        "source": _text(original, SOURCE) or "-",
    }


def _problem(row: Row, made: Demonstrations) -> tuple[str, str] | None:
    """The field that makes a row unusable, and why."""
    if not row:
        return "(whole line)", "is not a JSON object"
    if row["id"] in made.originals:
        return "id", "appears twice"
    for field, names in (("question", QUESTION), ("solution", SOLUTION)):
        if not row[field]:
            return field, f"is missing or empty (names known: {', '.join(names)})"
    for field, value in row.items():
        if value is not None and not is_text(value):
            return field, NOT_TEXT
    return None


def describe(bad: Row) -> str:
    """One line about a row that cannot be used."""
    line = f"line {bad['line']}"
    row = "" if bad["id"] in (None, line) else f", row {bad['id']}"
    return f"{line}{row}: field {bad['field']!r}: {bad['reason']}"


def _text(row: dict[str, Any], names: tuple[str, ...]) -> str:
    """The first of the fields that holds text; numbers count (an answer is often one)."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""
