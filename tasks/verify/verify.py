"""The public entry of verification: `Verifier` for batches, `check_answer` for one pair.

In:  Candidate(id="gsm8k/3f2a", question="Natalia sold …", gold="#### 72", solution="… $\\boxed{72}$")
Out: Verdict(id="gsm8k/3f2a", passed=True, answer=AnswerVerdict("correct", …), reasoning=ReasoningVerdict(True, …))
"""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tasks.verify.config import VerifyConfig
from tasks.verify.types import AnswerVerdict, Candidate, Judge, JudgeItem, ReasoningVerdict, Verdict

__all__ = ["AnswerVerdict", "Candidate", "ReasoningVerdict", "Verdict", "Verifier", "check_answer", "verifiable"]

_ROOT = Path(__file__).resolve().parents[2]


def _extract(text: str) -> str | None:
    start = text.rfind("\\boxed{")
    if start >= 0:
        depth = 0
        for at in range(start + 6, len(text)):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            if depth == 0:
                return text[start + 7 : at].strip()
    marked = re.findall(r"####\s*(.+)", text)
    if marked:
        return str(marked[-1]).strip().replace(",", "")
    return text.strip() if 0 < len(text.strip()) <= 200 else None


class Verifier:
    """Checks answers, then reasoning where the answer is right. A context manager; thread-safe."""

    def __init__(self, config: VerifyConfig | None = None, judge: Judge | None = None) -> None:
        self.config = config or VerifyConfig()
        self.judge = judge
        self._child: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child processes."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def __call__(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Verdicts in the order of the candidates."""
        answers = [
            self.check_answer(c.gold, c.solution)
            if c.finished
            else AnswerVerdict("no_answer", "the solution was cut off", None, None)
            for c in candidates
        ]
        right = [c for c, answer in zip(candidates, answers, strict=True) if answer.correct]
        reasoning: dict[int, ReasoningVerdict] = {}
        if self.judge is not None and self.config.reasoning and right:
            items = [JudgeItem(c.id, c.question, c.gold, c.solution) for c in right]
            reasoning = {id(c): v for c, v in zip(right, self.judge.judge(items), strict=True)}
        return [_verdict(c, a, reasoning.get(id(c))) for c, a in zip(candidates, answers, strict=True)]

    def check_answer(self, gold: str, answer: str) -> AnswerVerdict:
        """v_ans of one answer or solution against a reference answer or solution."""
        wanted, got = _extract(gold), _extract(answer)
        if wanted is None:
            return AnswerVerdict("undecided", "the reference has no answer", got, None)
        if got is None:
            return AnswerVerdict("no_answer", "no boxed answer and no closing statement", None, wanted)
        if wanted == got:
            return AnswerVerdict("correct", "identical", got, wanted)
        with self._lock:
            if self._child is None or self._child.poll() is not None:
                self._child = subprocess.Popen(
                    [sys.executable, "-m", "tasks.verify.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    cwd=_ROOT,
                )
            child = self._child
            assert child.stdin and child.stdout
            timer = threading.Timer(self.config.deadline_seconds + 10, child.kill)
            timer.start()
            try:
                child.stdin.write(json.dumps({"gold": wanted, "answer": got}) + "\n")
                child.stdin.flush()
                line = child.stdout.readline()
            except OSError:
                line = ""
            finally:
                timer.cancel()
            if not line:
                return AnswerVerdict("undecided", "the comparison was killed", got, wanted)
            reply = json.loads(line)
            return AnswerVerdict(reply["verdict"], reply["reason"], got, wanted)


def _verdict(candidate: Candidate, answer: AnswerVerdict, reasoning: ReasoningVerdict | None) -> Verdict:
    passed: bool | None = candidate.finished and answer.correct
    if passed and reasoning is not None:
        passed = reasoning.valid
    return Verdict(candidate.id, passed, answer, reasoning)


_shared: Verifier | None = None


def check_answer(gold: str, answer_or_solution: str) -> AnswerVerdict:
    """v_ans of one pair, by a verifier shared by the whole process."""
    global _shared
    if _shared is None:
        _shared = Verifier()
    return _shared.check_answer(gold, answer_or_solution)


def verifiable(gold: str) -> tuple[bool, str]:
    """Whether an answer can be checked against this reference, and why not."""
    extracted = _extract(gold)
    return (extracted is not None, "" if extracted is not None else "no answer in the reference")
