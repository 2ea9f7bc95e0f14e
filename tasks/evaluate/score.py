"""Scores one benchmark's answers with tasks/verify.

In:  {"id": "mmlu/anatomy/3", "answer": "C", "options": [...]} and "… so the answer is\n$\\boxed{C}$"
Out: {"id": "mmlu/anatomy/3", "correct": true, "verdict": "correct", "reason": "same letter", "extracted": "C",
      "gold": "C", "subset": "anatomy", "finished": true, "tokens": 61, "text": "…"}
     {"benchmark": "mmlu", "n": 12842, "correct": 4890, "accuracy": 0.381, "low": 0.372, "high": 0.389, …}

An answer that was cut off is scored as it stands: what counts is what it says in its last box.
"""

import re
from collections.abc import Sequence
from typing import Any

from scipy.stats import binomtest

from tasks.rows.jsonl import Row
from tasks.verify.types import AnswerVerdict, Candidate
from tasks.verify.verify import Verifier, check_answer

# Verdicts of this process by (row id, text): judged in batches by the engine, looked up by lm-eval row by row.
_known: dict[tuple[str, str], AnswerVerdict] = {}


def judge(rows: Sequence[Row], texts: Sequence[str], verifier: Verifier) -> None:
    """Have a whole batch judged at once, over the verifier's processes; `verdict` then knows the answers."""
    candidates = []
    for row, text in zip(rows, texts, strict=True):
        if _several(row):
            _known[row["id"], text] = several_letters(row["answer"], text)
        else:
            candidates.append(Candidate(row["id"], row["question"], row["answer"], text))
    for candidate, found in zip(candidates, verifier(candidates), strict=True):
        _known[candidate.id, candidate.solution] = found.answer


def verdict(row: Row, text: str) -> AnswerVerdict:
    """The verdict on one answer, judged now where no batch has been."""
    key = row["id"], text
    if key not in _known:
        _known[key] = (several_letters if _several(row) else check_answer)(row["answer"], text)
    return _known[key]


def _several(row: Row) -> bool:
    return bool(row["options"]) and len(row["answer"]) > 1


def several_letters(gold: str, text: str) -> AnswerVerdict:
    """A row with several right letters ("AC"): correct if the last box holds just these, in any order."""
    boxes = re.findall(r"\\boxed\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", text)
    if not boxes:
        return AnswerVerdict("no_answer", "no boxed answer", None, gold)
    content = re.sub(r"\\(?:text|mathrm|textbf|mathbf|rm)\b", "", boxes[-1])
    if not re.fullmatch(r"[\s{}(),;.&、，]*(?:(?:[A-J]|and)[\s{}(),;.&、，]*)+", content):
        return AnswerVerdict("wrong", "the box holds no list of option letters", boxes[-1], gold)
    letters = "".join(sorted(set(re.findall("[A-J]", content))))
    if letters == gold:
        return AnswerVerdict("correct", "same letters", letters, gold)
    return AnswerVerdict("wrong", "other letters", letters, gold)


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
