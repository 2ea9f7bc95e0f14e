"""A benchmark's rows in the one schema, each fit to be asked; else the file, row and field, and what it takes.

In:  math500.jsonl.gz, RawRow("line 3", {"problem": "Convert …", "answer": None, …}), the reader math500
Out: RowError("…/math500.jsonl.gz: line 3: field 'answer': is null; the reader math500 takes a text or a number")

A benchmark that lacks rows has other figures than its name says, so no row is set aside: the first fault ends it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from tasks.evaluate.readers import Reader, Unfit
from tasks.rows.jsonl import Row, RowError
from tasks.rows.reader.bad_row import WHOLE, BadRow, RawRow


class _Asked(dict[str, Any]):
    """A row that knows which of its fields its reader asked for last."""

    last = WHOLE

    def __getitem__(self, name: str) -> Any:
        self.last = name
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.last = name
        return super().get(name, default)


def understood(reader: Reader, file: str, rows: Iterable[RawRow]) -> Iterator[Row]:
    """The rows as `reader` makes them. Raises RowError at the first that cannot be used or repeats an id."""
    where, row, ids = "", _Asked(), dict[str, str]()

    def asked() -> Iterator[Row]:
        nonlocal where, row
        for where, content, _ in rows:
            if isinstance(content, BadRow):
                raise RowError(file, where, content.field, content.problem)
            row = _Asked(content)
            yield row

    try:
        for made in reader(asked()):
            if made["id"] in ids:
                raise RowError(file, where, row.last, f"makes the id {made['id']!r} of {ids[made['id']]} again")
            ids[made["id"]] = where
            yield made
    except RowError:
        raise
    except Unfit as error:
        raise RowError(
            file, where, _field(row, error), f"{error}; the reader {reader.__name__} takes {error.takes}"
        ) from None
    except KeyError as error:
        missing = f"is missing: the reader {reader.__name__} needs it; there are {', '.join(row) or 'no fields'}"
        raise RowError(file, where, row.last, missing if error.args[0] == row.last else f"lacks {error}") from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        problem = f"{_shown(row.get(row.last))} is nothing that the reader {reader.__name__} can use ({error})"
        raise RowError(file, where, row.last, problem) from None


def _field(row: Row, error: Unfit) -> str:
    """What the source calls the field of such a value."""
    same = [name for name, value in row.items() if _holds(value, error.value)]
    return max(same, key=lambda name: error.field in name.lower(), default=error.field)


def _holds(value: Any, one: Any) -> bool:
    """Whether a value is that one, or has it in it."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is one or any(_holds(part, one) for part in parts)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
