"""Gold against itself: a corpus should accept its own answers.

In:  ("numinamath/7", "72", "… $\\boxed{72}$")      id, reference, own answer or solution
Out: GoldReport(rows=1, refused=[])

`python -m tasks.verify.gold_check FILE…` checks JSON lines (.gz or not) of rows {gold} or {gold, solution}, or of any
corpus or benchmark with an answer or a solution under one of the names below.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.rows.jsonl import RowError, read_rows
from tasks.verify.answers.gold import verifiable
from tasks.verify.types import Candidate
from tasks.verify.verify import Verifier

ANSWERS = ("gold", "label", "correct", "expected_answer", "Short Answer", "answer")
SOLUTIONS = ("solution", "generated_solution", "response")


@dataclass(frozen=True)
class Refused:
    """A row whose own reference is not accepted, and why."""

    id: str
    gold: str
    reason: str


@dataclass(frozen=True)
class GoldReport:
    """Gold against itself: rows with a reference, and those refused."""

    rows: int
    refused: list[Refused]

    @property
    def accepted(self) -> float:
        """Share of the rows that accept their own reference."""
        return 1 - len(self.refused) / self.rows if self.rows else 1.0


def check_gold(rows: Iterable[tuple[str, str, str]], verifier: Verifier) -> GoldReport:
    """Verify each (id, reference, own answer or solution): all should be correct."""
    asked = [Candidate(row_id, "", gold, own) for row_id, gold, own in rows]
    refused = []
    for candidate, verdict in zip(asked, verifier(asked), strict=True):
        if not verdict.answer.correct:
            able, why = verifiable(candidate.gold)
            reason = f"{verdict.answer.verdict}: {verdict.answer.reason}"
            refused.append(Refused(candidate.id, candidate.gold[-200:], reason if able else f"{reason} ({why})"))
    return GoldReport(len(asked), refused)


def references(row_id: str, row: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(id, reference, own) of a row in any of the corpora's schemas: its answer in a box, and its solution."""
    answer = next((row[name] for name in ANSWERS if row.get(name) not in (None, "", [])), None)
    solution = next((row[name] for name in SOLUTIONS if row.get(name)), None)
    if isinstance(answer, list):
        answer = "".join(map(str, answer))
    if answer is not None:
        text = str(answer).strip()
        yield row_id, text, text if "$" in text else f"The result follows.\n\n$\\boxed{{{text}}}$"
    if solution is not None:
        yield (
            (f"{row_id} (solution)" if answer is not None else row_id),
            solution if answer is None else str(answer),
            solution,
        )


def main() -> None:
    """Check the files named on the command line; prints what is refused."""
    with Verifier() as verifier:
        for path in map(Path, sys.argv[1:]):
            rows: list[tuple[str, str, str]] = []
            for number, row in enumerate(read_rows(path), 1):
                rows.extend(references(str(row.get("id", number)), row))
            report = check_gold(rows, verifier)
            print(f"{path.name}: {report.rows} references, {100 * report.accepted:.2f} % accepted")
            for refused in report.refused:
                print(f"    {refused.id}: {refused.reason}: {refused.gold[-100:]!r}")


if __name__ == "__main__":
    try:
        main()
    except RowError as error:
        sys.exit(str(error))
