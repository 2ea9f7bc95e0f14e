"""What the verifiers have in common that compare one candidate after the other and hold nothing.

In:  a candidate whose solution was cut off        Out: AnswerVerdict("no_answer", "the solution was …", None, gold)
"""

from collections.abc import Sequence

from tasks.verify.types import AnswerVerdict, Candidate

NO_REFERENCE = "the reference states no answer"


class OneByOne:
    """An AnswerVerifier of one method: `compare`, of a candidate that came to its end."""

    def start(self) -> None:
        """Nothing to ready."""

    def close(self) -> None:
        """Nothing to end."""

    def verifiable(self, gold: str) -> tuple[bool, str]:
        """Whether the reference holds anything at all."""
        return (True, "") if gold.strip() else (False, NO_REFERENCE)

    def check(self, candidates: Sequence[Candidate]) -> list[AnswerVerdict]:
        """One verdict a candidate, in order; an empty or truncated solution has no answer."""
        return [self._check(one) for one in candidates]

    def _check(self, candidate: Candidate) -> AnswerVerdict:
        able, why_not = self.verifiable(candidate.gold)
        if not able:
            return AnswerVerdict(
                "undecided", f"{NO_REFERENCE}: {why_not}".removesuffix(f": {NO_REFERENCE}"), None, None
            )
        if not candidate.finished:
            return AnswerVerdict("no_answer", "the solution was cut off before its end", None, candidate.gold)
        if not candidate.solution.strip():
            return AnswerVerdict("no_answer", "the answer is empty", None, candidate.gold)
        return self.compare(candidate)

    def compare(self, candidate: Candidate) -> AnswerVerdict:
        """The verdict on a candidate with a reference and a text; each verifier has its own."""
        raise NotImplementedError(type(self).__name__)
