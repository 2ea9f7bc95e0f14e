"""`--map question=data.problem`: where a row's parts are, for files whose fields have other names.

In:  ["question=data.problem", "solution=data.answers.0"] and {"data": {"problem": "2 + 2?", "answers": ["4"]}}
Out: {"question": "2 + 2?", "solution": "4"}
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tasks.rows.jsonl import Row
from tasks.rows.reader.bad_row import BadRow

PARTS = ("id", "question", "solution", "answer", "source")


class MapError(ValueError):
    """A mapping that cannot be used; says what to type."""


def parse_map(given: Iterable[str], parts: tuple[str, ...] = PARTS) -> dict[str, str]:
    """`part=field` pairs as a mapping. Raises MapError."""
    found: dict[str, str] = {}
    for one in given:
        part, equals, field = (text.strip() for text in one.partition("="))
        if not equals or not field or part not in parts:
            raise MapError(f"{one!r}: write part=field, e.g. question=data.problem; parts are {', '.join(parts)}")
        if part in found:
            raise MapError(f"{one!r}: {part} is mapped twice")
        found[part] = field
    return found


def at_path(row: Row, path: str) -> Any:
    """The value at a dotted path, list positions as numbers; a field whose name has the dots goes first.

    Raises:
        BadRow: nothing is there; names the fields that are.
    """
    if path in row:
        return row[path]
    value: Any = row
    for step in path.split("."):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.lstrip("-").isdigit() and -len(value) <= int(step) < len(value):
            value = value[int(step)]
        else:
            there = ", ".join(map(str, value)) if isinstance(value, Mapping) else f"a {type(value).__name__}"
            raise BadRow(path, f"is not there: {step!r} is none of {there}"[:300])
    return value
