"""`exact`: the stated answer is the reference's, letter for letter but for case, spaces and Unicode form.

In:  gold "Bacterial meningitis", solution "… a stiff neck.\\nAnswer: bacterial  meningitis."      Out: correct
In:  gold "refund", solution "The customer asks for an exchange.\\nAnswer: exchange"              Out: wrong
"""

import unicodedata

from tasks.verify.types import AnswerVerdict, Candidate
from tasks.verify.verifiers.one_by_one import OneByOne
from tasks.verify.verifiers.options import VerifierOptions
from tasks.verify.verifiers.statement import statement


class ExactVerifier(OneByOne):
    """Compares statements as texts."""

    def __init__(self, options: VerifierOptions) -> None:
        self.options = options

    def verifiable(self, gold: str) -> tuple[bool, str]:
        """Whether the reference states an answer."""
        return (True, "") if self._gold(gold) else (False, "it states no answer")

    def compare(self, candidate: Candidate) -> AnswerVerdict:
        """Whether both state the same text."""
        wanted, got = self._gold(candidate.gold), statement(candidate.solution, self.options.pattern)
        if got is None:
            return AnswerVerdict("no_answer", "no stated answer", None, wanted)
        same = self._form(got) == self._form(wanted or "")
        return AnswerVerdict("correct" if same else "wrong", "same text" if same else "another text", got, wanted)

    def _gold(self, gold: str) -> str | None:
        """A reference is a whole solution, in which the pattern matches, or the answer alone."""
        return statement(gold, self.options.pattern) or statement(gold)

    def _form(self, text: str) -> str:
        form = " ".join(unicodedata.normalize("NFKC", text).split())
        return form.casefold() if self.options.ignore_case else form
