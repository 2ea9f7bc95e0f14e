"""The exact value of an expression of plain numbers in running text.

In:  the tokens of "3 days x 8 hours/day = 24"
Out: from a token on, the longest expression that stands there as a `Side`:
     Side(value=(24, 1), operations=1, units=[{day}, {hour}, {day}])

Values are unnormalised rationals (numerator, denominator), exact and without floats; None is "not plain arithmetic"
(a variable, a function, a number past the size guards) and spreads through every operation. Nothing is evaluated by
Python: the parser below is all there is.
"""

import re

from tasks.verify.arithmetic.notation import is_space
from tasks.verify.arithmetic.operands import MAX_DEPTH, OperandReader
from tasks.verify.arithmetic.rationals import Rational, product, sized
from tasks.verify.arithmetic.sides import Side

__all__ = ["Parser", "Side"]

_OF = re.compile(r"of(?: the| his| her| their| its| all| these| those)?(?: remaining| total| original| whole)?$")


class Parser(OperandReader):
    """Reads the longest expression from a token on."""

    def read(self, start: int, right: bool = False) -> Side:
        """The side that begins at token `start` (`right` of a relation); `end == start` where none stands there."""
        self.at, self.depth, self.right = start, 0, right
        side = self.side = Side(start=start)
        side.value = self._sum()
        side.end = self.at
        side.literal = side.operations == 0 and side.digits != ""
        return side

    def _sum(self) -> Rational | None:
        value = self._product()
        while True:
            kind = self.kinds[self.at]
            if kind != "+" and kind != "-":
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
