"""One side of an equality in running text, and the units that are read along with its numbers.

In:  the words behind an operand: "hours" in "8 hours/day", "x" in "3x"
Out: taken as the unit {hour} per {day}; x is a variable, which makes the side no plain arithmetic
"""

import re
from dataclasses import dataclass, field

from tasks.verify.arithmetic.notation import OPERATORS, RELATIONS, Tokens, is_space
from tasks.verify.arithmetic.rationals import Rational

_LONE_LETTERS = re.compile(r"[A-Za-z](?: [A-Za-z])+$")  # variables: "4 x N"

# Letters that may stand directly behind a number; any others there are variables.
_ATTACHED = frozenset(
    """
    cm mm km kg mg ml lb lbs oz ft in mph kmph kph min mins hr hrs sec secs th st nd rd ths rds yd
    """.split()  # noqa: SIM905
)
_CAPITALS = frozenset("KG KM CM MPH PM AM USD GB MB TB OZ LB LBS ML FT".split())  # noqa: SIM905
# A run of words with one of these in it is prose, not a unit.
_PROSE = frozenset(
    """
    the a an is are was were be been has have had will would can he she they it we you i his her their
    its our and or but so then thus hence therefore which that this these those if when since because as
    than to from with for by at on of times more less fewer gives get gets equals equal total makes
    leaves means let now after before
    """.split()  # noqa: SIM905
)


@dataclass
class Side:
    """One side of an equality: its exact value, or None, and what a comparison must know about how it was written."""

    value: Rational | None = None
    operations: int = 0
    additive: bool = False
    literal: bool = False  # a lone number (sign, bracket, percent, unit allowed)
    digits: str = ""  # the last literal as written
    shown: int = 1  # the last literal shows its value to 1/shown
    decimals: bool = False  # some literal has a decimal point
    percent: bool = False
    quotient: bool = False  # a product behind a division: 24/3*2 reads in two ways
    ambiguous: bool = False  # reads more than one way (mixed number, implied product after a division)
    units: list[frozenset[str]] = field(default_factory=list)
    first: Rational | None = None  # the first operand (for run-on chains: 10 - 3 = 7 + 5 = 12)
    start: int = 0
    end: int = 0  # token positions


class UnitReader:
    """A place in the tokens, the side that is being read there, and the words that belong to its numbers.

    Args:
        tokens: the text.
        percent_as_unit: read 40 % as 40 instead of 0.4.
        divide_by_all: read 24/3*2 as 24/(3*2), and 6 / 1/2 as 6/(1/2).
    """

    def __init__(self, tokens: Tokens, percent_as_unit: bool = False, divide_by_all: bool = False) -> None:
        self.tokens, self.kinds, self.values, self.match = tokens, tokens.kinds, tokens.values, tokens.match
        self.percent_as_unit, self.divide_by_all = percent_as_unit, divide_by_all
        self.at = 0
        self.depth = 0
        self.right = False
        self.side = Side()

    def _absorb(self) -> None:
        """What a function or variable takes with it: \\sin 30, 5C2, f(3)."""
        while (kind := self.kinds[self.at]) in "nvfqb" or (kind == "(" and self.match[self.at] > 0):
            self.at = self.match[self.at] + 1 if kind == "(" else self.at + 1

    def _unit(self, at: int) -> bool:
        """Takes the words behind an operand as its unit; False leaves them where they are (prose, or no unit)."""
        words = self.values[at]
        follows = self.kinds[at + 1]
        attached = not is_space(self.tokens.text, self.tokens.starts[at] - 1) and self.kinds[at - 1] in "n)"
        single = len(words) == 1 or (len(words) <= 3 and words.isupper() and words not in _CAPITALS)
        single |= len(words) == 2 and words not in _ATTACHED and words not in _PROSE
        glued = attached and self.tokens.text[self.tokens.starts[at]] != "\\" and " " not in words
        if ((single or glued) and words not in _ATTACHED) or _LONE_LETTERS.match(words):
            self.kinds[at] = "v"  # a variable
            self.at += 1
            return True
        parts = words.lower().split()
        signature = frozenset(part.removesuffix("s") for part in parts[:4])
        if follows in OPERATORS or follows in RELATIONS or follows == ")":
            if not _PROSE.isdisjoint(parts):
                return False
            self.side.units.append(signature)
            self.at += 1
            self._unit_power()
            if follows == "/" and self.kinds[self.at + 1] == "w":
                self.at += 1
                self._unit_below()
            return True
        self.side.units.append(signature)
        return False

    def _unit_below(self) -> None:
        """`/hour`: the unit a rate is per."""
        words = self.values[self.at]
        called = self.kinds[self.at + 1] == "(" and " " not in words
        if called or words[1:2] in ("", " ") or (words[0].isupper() and words not in _CAPITALS):
            self.kinds[self.at] = "v"  # 24/Y, 4/BC, 4/log(2)
            return
        self.side.units.append(frozenset(part.removesuffix("s") for part in words.lower().split()[:2]))
        self.at += 1
        self._unit_power()

    def _unit_power(self) -> None:
        """The exponent of a unit, cm^3."""
        if self.kinds[self.at] == "^" and self.kinds[self.at + 1] == "n":
            self.at += 2
