"""The exact value of an expression of plain numbers in running text.

In:  the tokens of "3 days x 8 hours/day = 24"
Out: from a token on, the longest expression that stands there as a `Side`:
     Side(value=(24, 1), operations=1, units=[{day}, {hour}, {day}])

Values are unnormalised rationals (numerator, denominator), exact and without floats; None is "not plain arithmetic"
(a variable, a function, a number past the size guards) and spreads through every operation. Nothing is evaluated by
Python: the parser below is all there is.
"""

import re
from dataclasses import dataclass, field

from tasks.verify.notation import OPERATORS, RELATIONS, Tokens, is_space
from tasks.verify.rationals import Rational, binomial, factorial, power, product, sized, square_root

MAX_DIGITS = 60  # of one literal
MAX_DEPTH = 40  # nested brackets, fractions, powers

_OF = re.compile(r"of(?: the| his| her| their| its| all| these| those)?(?: remaining| total| original| whole)?$")
_LONE_LETTERS = re.compile(r"[A-Za-z](?: [A-Za-z])*$")  # variables
_SCIENTIFIC = ["n", "*", "n", "^"]  # 6.02 x 10^23

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
    mantissa: "Side | None" = None  # of a number in scientific notation
    start: int = 0
    end: int = 0  # token positions


class Parser:
    """Reads the longest expression from a token on.

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

    def read(self, start: int, right: bool = False) -> Side:
        """The side that begins at token `start` (`right` of a relation); `end == start` where none stands there."""
        self.at, self.depth, self.right = start, 0, right
        side = self.side = Side(start=start)
        side.value = self._sum()
        side.end = self.at
        side.literal = side.operations == 0 and side.digits != ""
        if side.operations == 2 and self.kinds[start : start + 4] == _SCIENTIFIC and self.values[start + 2] == "10":
            decimals = len(self.values[start].partition(".")[2])
            side.mantissa = Side(side.first, literal=True, digits=self.values[start], shown=10**decimals)
        return side

    def _sum(self) -> Rational | None:
        value = self._product()
        while True:
            kind = self.kinds[self.at]
            if kind != "+" and kind != "-":
                return value
            if kind == "-" and self._is_dash():
                return value
            self.at += 1
            self.side.operations += 1
            self.side.additive = True
            right = self._product()
            if value is None or right is None:
                value = None
                continue
            (a, b), (c, d) = value, right
            if b == d:
                value = (a + c, b) if kind == "+" else (a - c, b)
            else:
                value = sized(a * d + c * b if kind == "+" else a * d - c * b, b * d)

    def _is_dash(self) -> bool:
        """A spaced dash before three or more words is punctuation."""
        return self.kinds[self.at + 1] == "w" and self.values[self.at + 1].count(" ") >= 2

    def _product(self) -> Rational | None:
        value = self._signed()
        if self.side.first is None:
            self.side.first = value
        divided = False
        while True:
            at = self.at
            kind = self.kinds[at]
            if kind == "*":
                self.at += 1
                self.side.operations += 1
                self.side.quotient |= divided
                value = product(value, self._signed())
            elif kind == "/":
                self.at += 1
                if self.kinds[self.at] == "w":
                    self._unit_below()
                    continue
                self.side.operations += 1
                self.side.ambiguous |= divided  # 25 / 1/3
                divided = True
                right = self._denominator() if self.divide_by_all else self._signed()
                if value is None or right is None or right[0] == 0:
                    value = None
                else:
                    value = sized(value[0] * right[1], value[1] * right[0])
            elif (kind == "(" and self.match[at] > 0) or kind in "fqb":  # implied product
                if self._is_remark(at):
                    self.at = self.match[at] + 1
                    continue
                after_number = self.kinds[at - 1] == "n"
                spaced = kind == "(" and is_space(self.tokens.text, self.tokens.starts[at] - 1)
                right = self._power()
                self.side.operations += 1
                if kind == "f" and after_number and not divided:  # a mixed number, 2\frac{1}{2}
                    self.side.ambiguous = True
                    if value is not None and right is not None:
                        value = sized(value[0] * right[1] + right[0] * value[1], value[1] * right[1])
                    else:
                        value = None
                else:
                    bracket = self.tokens.text[self.tokens.starts[at]]
                    self.side.quotient |= divided
                    self.side.ambiguous |= spaced or (kind == "(" and bracket != "(")
                    value = product(value, right)
            elif kind == "n" and self._follows_bracket(at):
                self.side.ambiguous = True  # 10^{3}5^{2}, (12)3
                self.side.operations += 1
                value = product(value, self._power())
            elif kind == "v":
                self._power()
                value = None
            elif kind == "n" and self.kinds[at - 1] == "n" and self._is_mixed(at):
                right = self._mixed_part()
                value = None if value is None else sized(value[0] * right[1] + right[0] * value[1], value[1] * right[1])
            elif kind == "w" and self._is_of(at, value):
                self.at += 1
                self.side.operations += 1
                self.side.ambiguous |= self.right  # `= 1/4 of the 20 pens`: 1/4, or 5
                value = product(value, self._signed())
            else:
                return value

    def _denominator(self) -> Rational | None:
        self.depth += 1
        value = self._product() if self.depth <= MAX_DEPTH else None
        self.depth -= 1
        return value

    def _follows_bracket(self, at: int) -> bool:
        before = self.tokens.ends[at - 1]
        return self.kinds[at - 1] in ")!" and (before == self.tokens.starts[at] or self.tokens.text[before - 1] == "}")

    def _is_mixed(self, at: int) -> bool:
        """`2 1/2`: a whole number, then a proper fraction without spaces in it."""
        kinds, values = self.kinds, self.values
        return (
            kinds[at + 1] == "/"
            and kinds[at + 2] == "n"
            and self.tokens.starts[at + 2] - self.tokens.ends[at] == 1
            and values[at - 1].isdigit()
            and values[at].isdigit()
            and values[at + 2].isdigit()
            and len(values[at]) <= len(values[at + 2]) <= 4
            and int(values[at]) < int(values[at + 2])
        )

    def _mixed_part(self) -> Rational:
        upper, lower = int(self.values[self.at]), int(self.values[self.at + 2])
        self.at += 3
        self.side.digits = ""
        self.side.ambiguous = True
        self.side.operations += 1
        return upper, lower

    def _is_of(self, at: int, value: Rational | None) -> bool:
        """`20% of 50`, `1/2 of the 50`: a product."""
        if not _OF.match(self.values[at]):
            return False
        return (self.kinds[at - 1] == "%" or (value is not None and value[1] != 1)) and self.kinds[at + 1] in "n("

    def _is_remark(self, at: int) -> bool:
        """`5 (apples)`: words in brackets behind a number."""
        return (
            self.kinds[at] == "("
            and self.kinds[at + 1] == "w"
            and self.match[at] == at + 2
            and self.tokens.text[self.tokens.starts[at]] == "("
            and is_space(self.tokens.text, self.tokens.starts[at] - 1)
        )

    def _signed(self) -> Rational | None:
        negative = False
        while (kind := self.kinds[self.at]) == "-" or kind == "+":
            if kind == "-":
                negative = not negative
            self.at += 1
        value = self._power()
        return (-value[0], value[1]) if negative and value is not None else value

    def _power(self) -> Rational | None:
        base = self._primary()
        if self.kinds[self.at] != "^":
            return base
        self.at += 1
        self.side.operations += 1
        self.depth += 1
        if self.kinds[self.at] == "n" and len(self.values[self.at]) > 1:
            self.side.ambiguous = True  # LaTeX reads 2^10 as 2^{1}0
        exponent = self._signed() if self.depth <= MAX_DEPTH else None
        self.depth -= 1
        if self.kinds[self.at] == "^":
            return None
        return power(base, exponent)

    def _primary(self) -> Rational | None:
        at = self.at
        kind = self.kinds[at]
        if kind == "n":
            self.at += 1
            return self._behind(self._number(self.values[at]))
        if kind == "(" and self.match[at] > 0:
            return self._behind(self._group())
        if kind in "fqb":
            return self._behind(self._command(kind))
        if kind == "v":
            self.at += 1
            self._absorb()
        elif kind == "w":
            self.at += 1
        return None

    def _absorb(self) -> None:
        """What a function or variable takes with it: \\sin 30, 5C2, f(3)."""
        while (kind := self.kinds[self.at]) in "nvfqb" or (kind == "(" and self.match[self.at] > 0):
            self.at = self.match[self.at] + 1 if kind == "(" else self.at + 1

    def _group(self) -> Rational | None:
        close = self.match[self.at]
        if self.tokens.text[self.tokens.starts[self.at]] == "[":
            self.side.ambiguous = True  # brackets, or the whole part
        self.at += 1
        self.depth += 1
        value = self._sum() if self.depth <= MAX_DEPTH else None
        self.depth -= 1
        if self.at != close:
            value = None
        self.at = close + 1
        return value

    def _command(self, kind: str) -> Rational | None:
        self.at += 1
        self.side.operations += 1
        if kind == "q":
            if self.kinds[self.at] == "(" and self.tokens.text[self.tokens.starts[self.at]] == "[":  # \sqrt[3]{8}
                self._argument()
                self._argument()
                return None
            return square_root(self._argument())
        before = len(self.side.units)
        upper, lower = self._argument(), self._argument()
        if len(self.side.units) > before:
            self.side.ambiguous = True  # a conversion factor
        if upper is None or lower is None:
            return None
        if kind == "b":
            return binomial(upper, lower)
        return sized(upper[0] * lower[1], upper[1] * lower[0]) if lower[0] else None

    def _argument(self) -> Rational | None:
        """The argument of a LaTeX command: a group, or one digit."""
        if self.kinds[self.at] == "(" and self.match[self.at] > 0:
            return self._group()
        if self.kinds[self.at] == "n":
            digits = self.values[self.at]
            if len(digits) == 1:
                self.at += 1
                return int(digits), 1
        if self.kinds[self.at] not in "|=~":
            self.at += 1
        return None

    def _number(self, digits: str) -> Rational | None:
        side = self.side
        side.digits = digits
        side.shown = 1
        if len(digits) > MAX_DIGITS:
            return None
        if "," in digits:
            digits = digits.replace(",", "")
        whole, point, decimals = digits.partition(".")
        if not point:
            return int(whole), 1
        side.decimals = True
        side.shown = 10 ** len(decimals)
        return int(whole + decimals), 10 ** len(decimals)

    def _behind(self, value: Rational | None) -> Rational | None:
        """What may stand behind an operand: percent, degrees, factorial, units."""
        while True:
            at = self.at
            kind = self.kinds[at]
            if kind == "%":
                self.at += 1
                self.side.percent = True
                if value is not None and not self.percent_as_unit:
                    value = (value[0], value[1] * 100)
                    self.side.shown *= 100
            elif kind == "d":
                self.at += 1
            elif kind == "!":
                self.at += 1
                follows = self.kinds[self.at]
                if follows in OPERATORS or follows in RELATIONS or follows in ")(nfq":
                    self.side.operations += 1
                    value = factorial(value)
                else:
                    self.side.ambiguous = True  # the end of an exclamation, or a factorial
            elif kind == "w":
                if not self._unit(at):
                    return value
                if self.kinds[at] == "v":
                    tight = self.tokens.ends[at] == self.tokens.starts[self.at]
                    if tight or self.tokens.text[self.tokens.starts[at]] == "\\":
                        self._absorb()
                    return None
            else:
                return value

    def _unit(self, at: int) -> bool:
        """Takes the words behind an operand as its unit; False leaves them where they are (prose, or no unit)."""
        words = self.values[at]
        follows = self.kinds[at + 1]
        attached = not is_space(self.tokens.text, self.tokens.starts[at] - 1) and self.kinds[at - 1] in "n)"
        single = len(words) == 1 or (len(words) <= 3 and words.isupper() and words not in _CAPITALS)
        single |= len(words) == 2 and words not in _ATTACHED and words not in _PROSE
        glued = attached and self.tokens.text[self.tokens.starts[at]] != "\\" and " " not in words
        if (single or glued) and words not in _ATTACHED:
            self.kinds[at] = "v"  # a variable
            self.at += 1
            return True
        if _LONE_LETTERS.match(words) and not single:
            self.kinds[at] = "v"
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
        if words[1:2] in ("", " ") or (words[0].isupper() and words not in _CAPITALS):
            self.kinds[self.at] = "v"  # 24/Y, 4/BC
            return
        self.side.units.append(frozenset(part.removesuffix("s") for part in words.lower().split()[:2]))
        self.at += 1
        self._unit_power()

    def _unit_power(self) -> None:
        """The exponent of a unit, cm^3."""
        if self.kinds[self.at] == "^" and self.kinds[self.at + 1] == "n":
            self.at += 2
