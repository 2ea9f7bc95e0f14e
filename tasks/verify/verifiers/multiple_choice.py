"""`multiple_choice`: the chosen letters are the reference's; an option's own text counts as its letter.

In:  question "Which …?\\nA. aspirin\\nB. heparin", gold "B", solution "… at once.\\nAnswer: B. heparin"    Out: correct
In:  the same, solution "Answer: B. aspirin"                        Out: undecided, the letter and the text disagree
"""

import re

from tasks.verify.answers.extract import extract_answer
from tasks.verify.letters import option_letters
from tasks.verify.types import AnswerVerdict, Candidate
from tasks.verify.verifiers.one_by_one import OneByOne
from tasks.verify.verifiers.options import VerifierOptions
from tasks.verify.verifiers.statement import statement

_OPTION = re.compile(r"^[ \t]*\(?([A-J])[.):][ \t]*(.+?)[ \t]*$", re.MULTILINE)
_SMALL = re.compile(r"\(?([a-j])\)?")
_WITH_TEXT = re.compile(r"\(?([A-J])\)?[ \t]*[.):,–—-]+[ \t]*(\S.*)", re.DOTALL)
_BECAUSE = re.compile(r"\(?([A-J])\)?,?[ \t]+(?:because|since|as|is|for)\b.*", re.DOTALL)


class ChoiceVerifier(OneByOne):
    """Compares letters A to J; several right ones in any order."""

    def __init__(self, options: VerifierOptions) -> None:
        self.options = options

    def verifiable(self, gold: str) -> tuple[bool, str]:
        """Whether the reference names letters of options."""
        named = any(_letters(one, {}) for one in self._statements(gold))
        return (True, "") if named else (False, "it names no option by its letter")

    def compare(self, candidate: Candidate) -> AnswerVerdict:
        """Whether both name the same letters."""
        options = {letter: _form(text) for letter, text in _OPTION.findall(candidate.question)}
        wanted = next(found for one in self._statements(candidate.gold) if (found := _letters(one, {})))
        statements = self._statements(candidate.solution)
        got = next((found for one in statements if (found := _letters(one, options))), None)
        if got is None:
            said = statements[0] if statements else None
            return AnswerVerdict("no_answer", "no option's letter or text is stated", said, wanted)
        if got == "?":
            return AnswerVerdict(
                "undecided", "the letter and the option's text behind it disagree", statements[0], wanted
            )
        same = got == wanted
        return AnswerVerdict("correct" if same else "wrong", "same letters" if same else "other letters", got, wanted)

    def _statements(self, text: str) -> list[str]:
        """What may be the answer, the surest first."""
        if self.options.pattern is not None and (said := statement(text, self.options.pattern)):
            return [said]
        found = extract_answer(text)
        return [one for one in (statement(text), found.text if found else None) if one]


def _letters(said: str, options: dict[str, str]) -> str | None:
    """The letters that a statement names, sorted; "?" where letter and text disagree; None where it names none."""
    if small := _SMALL.fullmatch(said):
        return small[1].upper()
    if letters := option_letters(said):
        return letters
    if match := _WITH_TEXT.fullmatch(said):
        others = {letter for letter, option in options.items() if option == _form(match[2])} - {match[1]}
        return "?" if others and options.get(match[1]) != _form(match[2]) else match[1]
    if because := _BECAUSE.fullmatch(said):
        return because[1]
    named = [letter for letter, option in options.items() if option == _form(said)]
    return named[0] if len(named) == 1 else None


def _form(text: str) -> str:
    return " ".join(text.split()).strip(" .*_$").casefold()
