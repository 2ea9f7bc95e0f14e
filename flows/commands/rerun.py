"""`rewriting-agent rewrite FILE --rerun truncated --max-new-tokens N`: only rows that were cut off are asked again.

In:  the output of before  {"question": "…", "id": "a/7", "target": "…", "kind": "expert", "fallback_reason": "cut off"}
Out: the ids of such rows; of every other row what became of it, as it stands there

The output is replaced when the last of these rows is verified: a killed command leaves it as it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from tasks.rows.jsonl import Row, RowError, read_rows

CUT_OFF = "cut off"  # the gate's reason for a rewrite that reached max_new_tokens
ADDED = ("target", "kind", "verdict", "fallback_reason")  # what an output says of a row beside the row's own fields

Rerun = Literal["truncated"]


@dataclass(frozen=True)
class Before:
    """An output of an earlier `rewrite` of the same file, and the ids of its rows that are asked again."""

    out: Path
    again: frozenset[str]

    @classmethod
    def of(cls, out: Path) -> "Before":
        """Raises typer.BadParameter: there is no such output. RowError: it is none of `rewrite`."""
        if not out.exists():
            raise typer.BadParameter(
                f"{out} is not there: --rerun asks again for the rows of an output that were cut off; "
                "rewrite the file without it first, or name the output with --out",
                param_hint="--rerun",
            )
        cut = (row["id"] for row in read_rows(out, ("id", *ADDED)) if row["fallback_reason"] == CUT_OFF)
        return cls(out, frozenset(str(row_id) for row_id in cut))

    def fates(self) -> Iterator[tuple[str, Row]]:
        """(id, what became of it) of every row, in the order of the file."""
        for row in read_rows(self.out, ("id", *ADDED)):
            yield str(row["id"]), {name: row[name] for name in ADDED}


def joined(before: Before, made: Iterator[Row]) -> Iterator[Row]:
    """Rows in the order of the file: as `made` anew where they were asked again, else as they were.

    Raises:
        RowError: a row that was asked again is not the next one of `made`.
    """
    for row_id, fate in before.fates():
        if row_id not in before.again:
            yield {"id": row_id} | fate
            continue
        row = next(made, None)
        if row is None or row["id"] != row_id:
            raise RowError(before.out, f"row {row_id}", "id", "the output changed meanwhile; run the command again")
        yield row
