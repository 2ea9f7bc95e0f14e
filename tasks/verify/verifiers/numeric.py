"""`numeric`: the stated number is the reference's within a tolerance; a unit that both name must be the same.

In:  gold "12.5 mg", solution "… 0.25 mg/kg times 50 kg.\\nAnswer: 12.5 mg"       Out: correct
In:  gold "12.5 mg", solution "Answer: 12.5 g"                                     Out: wrong, another unit
"""

import re
from decimal import Decimal

from tasks.verify.types import AnswerVerdict, Candidate
from tasks.verify.verifiers.one_by_one import OneByOne
from tasks.verify.verifiers.options import VerifierOptions
from tasks.verify.verifiers.statement import statement

_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)(?:[eE][-+]?\d{1,3}(?!\d))?"
)
_UNIT = re.compile(r"[ \t]*([A-Za-zµμΩ°%‰€$£][A-Za-z0-9µμΩ°%/·^²³-]*)")


class NumericVerifier(OneByOne):
    """Compares one number with one number, exactly in decimal."""

    def __init__(self, options: VerifierOptions) -> None:
        self.options = options

    def verifiable(self, gold: str) -> tuple[bool, str]:
        """Whether the reference states one number."""
        return (True, "") if _one_number(statement(gold)) else (False, "it states no number, or several")

    def compare(self, candidate: Candidate) -> AnswerVerdict:
        """Whether the stated numbers lie within the tolerance of each other."""
        wanted, got = statement(candidate.gold), statement(candidate.solution, self.options.pattern)
        reference, found = _one_number(wanted), _one_number(got)
        assert reference is not None  # verifiable() holds
        if found is None:
            return AnswerVerdict("no_answer", "no stated number, or several: one is needed", got, wanted)
        (number, unit), (right, right_unit) = found, reference
        if unit and right_unit and unit != right_unit:
            return AnswerVerdict("wrong", f"another unit: {unit}, not {right_unit}", got, wanted)
        allowed = max(_decimal(self.options.tolerance), _decimal(self.options.relative_tolerance) * abs(right))
        same = abs(number - right) <= allowed
        return AnswerVerdict("correct" if same else "wrong", "within the tolerance" if same else "off", got, wanted)


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))  # 0.1 is a tenth


def _one_number(text: str | None) -> tuple[Decimal, str] | None:
    """The number of a statement and the unit behind it; None where it states none or several."""
    found = list(_NUMBER.finditer(text or ""))
    if len(found) != 1:
        return None
    written = found[0][0].replace("−", "-")
    # Groups of three behind commas are thousands; any other comma is a decimal one.
    plain = written.replace(",", "") if re.search(r"\d,\d{3}(?!\d)", written) else written.replace(",", ".")
    unit = _UNIT.match(text or "", found[0].end())
    return Decimal(plain), unit[1] if unit else ""
