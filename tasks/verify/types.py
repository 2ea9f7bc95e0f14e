"""What goes into verification and what comes out.

In:  Candidate(id="gsm8k/3f2a", question="Natalia sold …", gold="#### 72", solution="… $\\boxed{72}$")
Out: {"id": "gsm8k/3f2a", "passed": true,
      "answer": {"verdict": "correct", "reason": "same integer", "extracted": "72", "gold": "72"},
      "reasoning": {"valid": true, "first_wrong_step": null, "reason": "4 steps checked", "judge": "arithmetic/3"}}
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

AnswerOutcome = Literal["correct", "wrong", "no_answer", "undecided"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One solution to be verified; `gold` is a reference answer or a whole reference solution."""

    id: str
    question: str
    gold: str
    solution: str
    finished: bool = True


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """v_ans of one candidate. `undecided` means that no comparison ended within its limits; it does not pass."""

    verdict: AnswerOutcome
    reason: str
    extracted: str | None
    gold: str | None

    @property
    def correct(self) -> bool:
        return self.verdict == "correct"


@dataclass(frozen=True, slots=True)
class ReasoningVerdict:
    """v_rea of one candidate. `valid` is None where the judge gave no verdict (a failed call is not 'invalid')."""

    valid: bool | None
    first_wrong_step: str | None
    reason: str
    judge: str


@dataclass
class Usage:
    """What judging took: calls answered, calls tried again, tokens as the service counted them."""

    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class JudgeItem:
    """What a judge sees of a candidate: `gold` is the reference (answer or solution), `solution` the text to judge."""

    id: str
    question: str
    gold: str
    solution: str


class Judge(Protocol):
    """Judges reasoning. Verdicts come back in the order of the items, one each; thread-safe."""

    name: str

    def judge(self, items: Sequence[JudgeItem]) -> list[ReasoningVerdict]: ...


class AnswerVerifier(Protocol):
    """Decides v_ans: whether a candidate says what its row's reference says. Thread-safe.

    The registry (tasks/verify/verifiers/registry.py) has them by name, those of other packages among them.
    """

    def start(self) -> None:
        """Ready what checking needs; called once before the first check of a batch."""

    def close(self) -> None:
        """End it."""

    def verifiable(self, gold: str) -> tuple[bool, str]:
        """Whether anything can be checked against this reference, and if not, why."""
        ...

    def check(self, candidates: Sequence[Candidate]) -> list[AnswerVerdict]:
        """One verdict a candidate, in order."""
        ...


class NoVerdict(RuntimeError):
    """The judge gave no verdict where one is needed; the rows are neither passed nor failed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's decision. `passed` is True only if the answer is correct and the reasoning valid; None where the
    answer is correct and the judge gave no verdict. `reasoning` is None where the judge was not asked."""

    id: str
    passed: bool | None
    answer: AnswerVerdict
    reasoning: ReasoningVerdict | None = None

    @property
    def judges_reason(self) -> str:
        """What the judge said of it, or why it said nothing."""
        return self.reasoning.reason if self.reasoning else "no reason given"

    def row(self) -> dict[str, Any]:
        """The verdict as a row of verdicts.jsonl."""
        return asdict(self)
