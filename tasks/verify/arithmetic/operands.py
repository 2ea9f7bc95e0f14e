"""The operands of an expression in running text: numbers, brackets, \\frac, \\sqrt, \\binom, powers, and what stands
behind them.

In:  the tokens of "\\frac{48}{2}^2", of "40\\%", of "5!"
Out: (576, 1), (40, 100), (120, 1)
"""

from tasks.verify.arithmetic.notation import OPERATORS, RELATIONS
from tasks.verify.arithmetic.rationals import Rational, binomial, factorial, power, sized, square_root
from tasks.verify.arithmetic.sides import UnitReader

MAX_DIGITS = 60  # of one literal
MAX_DEPTH = 40  # nested brackets, fractions, powers


class OperandReader(UnitReader):
    """Reads one operand, with its sign, power and unit."""

    def _sum(self) -> Rational | None:
        raise NotImplementedError  # what a bracket holds: expressions.Parser

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
