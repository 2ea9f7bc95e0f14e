"""References: which can be verified at all, and a check that a corpus accepts its own answers.

In:  "Thus the sum is $\\boxed{42}$."      Out: (True, "")
In:  "… which completes the proof. $\\blacksquare$"      Out: (False, "a proof: it states no answer")

`python -m tasks.verify.gold FILE…` checks JSON lines (.gz or not) of rows {gold} or {gold, solution}, or of any corpus
or benchmark with an answer or a solution under one of the names below.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.rows.jsonl import RowError, read_rows
from tasks.verify.extract import extract_gold
from tasks.verify.limits import refuse
from tasks.verify.normal import normalise
from tasks.verify.words import read_words

if TYPE_CHECKING:
    from tasks.verify.verify import Verifier

MAX_WORDS = 10  # an answer of more words has many right phrasings
ANSWERS = ("gold", "label", "correct", "expected_answer", "Short Answer", "answer")
SOLUTIONS = ("solution", "generated_solution", "response")

_PROOF = re.compile(r"\\blacksquare|\bQ\.?E\.?D\b|\\qed|∎|\\square(?![A-Za-z])", re.IGNORECASE)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")


def verifiable(gold: str) -> tuple[bool, str]:
    """Whether an answer can be checked against this reference answer or solution, and if not, why."""
    extracted = extract_gold(gold)
    if extracted is None:
        return False, "a proof: it states no answer" if _PROOF.search(gold) else "it states no answer"
    if extracted.source in ("sentence", "whole") and _PROOF.search(gold):
        return False, "a proof: it states no answer"
    answer = normalise(extracted.text)
    if not answer:
        return False, "its answer is empty"
    if reason := refuse(answer):
        return False, f"its answer is {reason}"
    words = _WORD.findall(re.sub(r"\\[A-Za-z]+", " ", answer))
    if read_words(answer) is not None and len(words) > MAX_WORDS:
        return False, f"its answer is prose of {len(words)} words"
    return True, ""


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


def check_gold(rows: Iterable[tuple[str, str, str]], verifier: "Verifier") -> GoldReport:
    """Verify each (id, reference, own answer or solution): all should be correct."""
    from tasks.verify.verify import Candidate

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
    from tasks.verify.verify import Verifier

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
