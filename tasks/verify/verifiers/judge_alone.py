"""`judge`: no answer is compared; the judge decides alone, by the rubric of gate.judge.rubric.

In:  any text that came to its end          Out: correct, "left to the judge"; the gate then asks the judge (v_rea)
"""

from tasks.verify.types import AnswerVerdict, Candidate
from tasks.verify.verifiers.one_by_one import OneByOne
from tasks.verify.verifiers.options import VerifierOptions


class JudgeAlone(OneByOne):
    """Passes every whole text on to the judge."""

    def __init__(self, options: VerifierOptions) -> None:
        pass

    def compare(self, candidate: Candidate) -> AnswerVerdict:
        """Left to the judge."""
        return AnswerVerdict("correct", "left to the judge", None, None)
