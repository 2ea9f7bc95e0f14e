"""The public entry of verification: `Verifier` for batches, `check_answer` for one pair, `verifiable` for a reference,
`answer_alone` for whether a solution says how it came to its answer.

In:  Candidate(id="gsm8k/3f2a", question="Natalia sold …", gold="#### 72", solution="… $\\boxed{72}$")
Out: Verdict(id="gsm8k/3f2a", passed=True, answer=AnswerVerdict("correct", …), reasoning=ReasoningVerdict(True, …))
"""

import atexit
import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from tasks.verify.answers.answer_alone import answer_alone
from tasks.verify.answers.gold import verifiable
from tasks.verify.config import VerifyConfig
from tasks.verify.types import AnswerVerdict, AnswerVerifier, Candidate, Judge, JudgeItem, ReasoningVerdict, Verdict
from tasks.verify.verifiers.math import MathVerifier

__all__ = [
    "AnswerVerdict",
    "Candidate",
    "ReasoningVerdict",
    "Verdict",
    "Verifier",
    "answer_alone",
    "check_answer",
    "judged",
    "verifiable",
]

BLOCK = 512  # candidates of one round: the judge reads the right ones of a block while the next block is compared


class Verifier:
    """Checks answers, then reasoning where the answer is right. A context manager; thread-safe.

    `judge` None means that no reasoning is judged: `passed` is then the answer's verdict alone. `answers` decides v_ans
    (tasks/verify/verifiers/); left out, the answers are mathematics.
    """

    def __init__(
        self,
        config: VerifyConfig | None = None,
        judge: Judge | None = None,
        answers: AnswerVerifier | None = None,
    ) -> None:
        self.config = config or VerifyConfig()
        self.judge = judge if self.config.reasoning else None
        self.answers: AnswerVerifier = answers or MathVerifier(self.config)

    def __enter__(self) -> "Verifier":
        self.answers.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what the answers are checked by. A later call starts it again."""
        self.answers.close()

    def __call__(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Verdicts in the order of the candidates."""
        if self.judge is None:
            answers = self.answers.check(candidates)
            return [Verdict(c.id, a.correct, a) for c, a in zip(candidates, answers, strict=True)]
        verdicts: list[Verdict] = []
        with ThreadPoolExecutor(1, thread_name_prefix="judge") as judging:
            rounds: list[Future[list[Verdict]]] = []
            for start in range(0, len(candidates), BLOCK):
                block = candidates[start : start + BLOCK]
                answers = self.answers.check(block)
                halves = [Verdict(c.id, answer.correct, answer) for c, answer in zip(block, answers, strict=True)]
                rounds.append(judging.submit(judged, block, halves, self.judge))
            for future in rounds:
                verdicts += future.result()
        return verdicts

    def check_answer(self, gold: str, answer_or_solution: str) -> AnswerVerdict:
        """v_ans of one answer or solution against a reference answer or solution."""
        return self.answers.check([Candidate("", "", gold, answer_or_solution)])[0]

    def check_answers(self, pairs: Iterable[tuple[str, str]]) -> list[AnswerVerdict]:
        """v_ans of many (reference, answer or solution) pairs, in order."""
        return self.answers.check([Candidate("", "", gold, answer) for gold, answer in pairs])


def judged(candidates: Sequence[Candidate], verdicts: Sequence[Verdict], judge: Judge) -> list[Verdict]:
    """v_ans · v_rea of candidates whose answers were checked: `judge` is asked about those that are right.

    Raises:
        ValueError: the judge gave another number of verdicts than it was asked for.
    """
    items = [
        JudgeItem(c.id, c.question, c.gold, c.solution)
        for c, verdict in zip(candidates, verdicts, strict=True)
        if verdict.answer.correct
    ]
    given = judge.judge(items) if items else []
    if len(given) != len(items):
        raise ValueError(f"judge {judge.name!r} gave {len(given)} verdicts for {len(items)} items")
    reasoning = iter(given)
    made = []
    for verdict in verdicts:
        one = next(reasoning) if verdict.answer.correct else None
        made.append(Verdict(verdict.id, one.valid if one else False, verdict.answer, one))
    return made


_shared: Verifier | None = None
_shared_lock = threading.Lock()


def check_answer(gold: str, answer_or_solution: str) -> AnswerVerdict:
    """v_ans of one pair, by a verifier that the whole process shares and that ends with it."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Verifier()
            atexit.register(_shared.close)
            os.register_at_fork(after_in_child=_forget)
    return _shared.check_answer(gold, answer_or_solution)


def _forget() -> None:
    """A forked child must not share its parent's sockets: it gets a verifier of its own."""
    global _shared, _shared_lock
    _shared, _shared_lock = None, threading.Lock()
