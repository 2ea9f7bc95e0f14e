"""Scores one benchmark's answers with tasks/verify.

In:  {"id": "mmlu/anatomy/3", "answer": "C", "options": [...]} and "… so the answer is\n$\\boxed{C}$"
Out: {"id": "mmlu/anatomy/3", "correct": true, "verdict": "correct", "reason": "same letter", "extracted": "C",
      "gold": "C", "subset": "anatomy", "finished": true, "tokens": 61, "text": "…"}
     {"benchmark": "mmlu", "n": 12842, "correct": 4890, "accuracy": 0.381, "low": 0.372, "high": 0.389, …}

An answer that was cut off is scored as it stands: what counts is what it says in its last box.
"""

from collections.abc import Sequence
from typing import Any

from scipy.stats import binomtest

from tasks.rows.jsonl import Row
from tasks.verify.letters import letter_alone, several, several_letters
from tasks.verify.types import AnswerVerdict, Candidate
from tasks.verify.verify import Verifier, check_answer

# Verdicts of this process by (row id, text): judged in batches by the engine, looked up by lm-eval row by row.
_known: dict[tuple[str, str], AnswerVerdict] = {}


def judge(rows: Sequence[Row], texts: Sequence[str], verifier: Verifier) -> None:
    """Have a whole batch judged at once, over the verifier's processes; `verdict` then knows the answers."""
    asked = []
    for row, text in zip(rows, texts, strict=True):
        if several(row):
            _known[row["id"], text] = several_letters(row["answer"], text)
        else:
            asked.append((row, text))
    candidates = [Candidate(row["id"], row["question"], row["answer"], letter_alone(row, text)) for row, text in asked]
    for (row, text), found in zip(asked, verifier(candidates), strict=True):
        _known[row["id"], text] = found.answer


def verdict(row: Row, text: str) -> AnswerVerdict:
    """The verdict on one answer, judged now where no batch has been."""
    key = row["id"], text
    if key not in _known:
        one = (
            several_letters(row["answer"], text)
            if several(row)
            else check_answer(row["answer"], letter_alone(row, text))
        )
        _known[key] = one
    return _known[key]


def summary(name: str, answers: Sequence[Row]) -> dict[str, Any]:
    """Accuracy with its 95 % Wilson interval and what else is worth counting, over all rows of the benchmark."""
    n, correct = len(answers), sum(answer["correct"] for answer in answers)
    interval = binomtest(correct, n).proportion_ci(confidence_level=0.95, method="wilson")
    subsets: dict[str, list[bool]] = {}
    for answer in answers:
        subsets.setdefault(answer["subset"], []).append(answer["correct"])
    return {
        "benchmark": name,
        "n": n,
        "correct": correct,
        "accuracy": correct / n,
        "low": float(interval.low),
        "high": float(interval.high),
        "undecided": sum(answer["verdict"] == "undecided" for answer in answers),
        "no_answer": sum(answer["verdict"] == "no_answer" for answer in answers),
        "truncated": sum(not answer["finished"] for answer in answers),
        "overlong": sum(answer["tokens"] == 0 for answer in answers),
        "tokens": sum(answer["tokens"] for answer in answers),
        "subsets": {
            subset: {"n": len(marks), "accuracy": sum(marks) / len(marks)}
            for subset, marks in sorted(subsets.items())
            if subset
        },
    }
