"""Scores one benchmark's answers with tasks/verify.

In:  {"id": "mmlu/anatomy/3", "answer": "C", "options": [...]} and "… so the answer is\n$\\boxed{C}$"
Out: {"id": "mmlu/anatomy/3", "correct": true, "verdict": "correct", "reason": "same letter", "extracted": "C",
      "gold": "C", "subset": "anatomy", "finished": true, "tokens": 61, "text": "…"}
     {"benchmark": "mmlu", "n": 12842, "correct": 4890, "accuracy": 0.381, "low": 0.372, "high": 0.389, …}

An answer that was cut off is scored as it stands: what counts is what it says in its last box. Rows of a benchmark with
another verifier than math name it in `verifier`; of code the answer's first block counts, behind the row's `prelude`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from scipy.stats import binomtest

from tasks.rows.jsonl import Row
from tasks.verify.config import VerifyConfig
from tasks.verify.letters import letter_alone, several, several_letters
from tasks.verify.types import AnswerVerdict, Candidate
from tasks.verify.verifiers import registry
from tasks.verify.verifiers.code import code_of
from tasks.verify.verifiers.instructions import instruction_level
from tasks.verify.verifiers.options import VerifierOptions
from tasks.verify.verify import Verifier, check_answer

# Verdicts of this process by (row id, text): judged in batches by the engine, looked up by lm-eval row by row.
_known: dict[tuple[str, str], AnswerVerdict] = {}
# By verifier what scores.json says of references and verdicts beside right and wrong.
BESIDE: dict[str, Callable[[Sequence[str], Sequence[AnswerVerdict]], dict[str, Any]]] = {
    "instructions": instruction_level
}


def opened(name: str, code_sandbox: bool = False) -> Verifier:
    """The verifier of that name, without a judge; not started. Raises ValueError: it runs code, and may not."""
    config, options = VerifyConfig(reasoning=False), VerifierOptions(code_sandbox=code_sandbox and name == "code")
    return Verifier(config, answers=registry.make(name, options, config))


def judge(rows: Sequence[Row], texts: Sequence[str], verifier: Verifier) -> None:
    """Have a whole batch judged at once, over the verifier's processes; `verdict` then knows the answers."""
    asked = []
    for row, text in zip(rows, texts, strict=True):
        if several(row):
            _known[row["id"], text] = several_letters(row["answer"], text)
        else:
            asked.append((row, text))
    candidates = [Candidate(row["id"], row["question"], row["answer"], _solution(row, text)) for row, text in asked]
    for (row, text), found in zip(asked, verifier(candidates), strict=True):
        _known[row["id"], text] = found.answer


def verdict(row: Row, text: str) -> AnswerVerdict:
    """The verdict on one answer, judged now where no batch has been."""
    key = row["id"], text
    if key not in _known:
        if several(row):
            _known[key] = several_letters(row["answer"], text)
        elif "verifier" in row:
            with opened(row["verifier"]) as verifier:
                judge([row], [text], verifier)
        else:
            _known[key] = check_answer(row["answer"], _solution(row, text))
    return _known[key]


def _solution(row: Row, text: str) -> str:
    """The text as its verifier reads it."""
    if "prelude" not in row:
        return letter_alone(row, text)
    code = code_of(text, first=True)
    return text if code is None else f"```python\n{row['prelude']}\n\n{code}\n```"


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
