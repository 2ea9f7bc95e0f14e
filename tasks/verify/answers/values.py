"""SymPy's expressions by their values, to 50 digits: at one point, or at several where they have variables.

In:  agree([x], lambda at: (evaluated(sin(x)**2, at), evaluated(1 - cos(x)**2, at)), [])
Out: True
"""

from collections.abc import Callable
from typing import Any

import sympy

DIGITS = 50  # evaluated
AGREED = sympy.Float("1e-40", DIGITS)  # relative difference up to which two exact values are one
NO_VALUE = (sympy.nan, sympy.zoo)  # 1/0: equals nothing, nor itself written otherwise
_POINTS = (
    ("0.731", "1.317", "2.219", "0.417", "3.171", "1.713"),
    ("1.193", "0.573", "0.871", "2.357", "0.293", "1.931"),
    ("2.671", "3.137", "1.447", "0.911", "1.753", "0.619"),
    ("97.31", "53.17", "211.9", "31.07", "151.3", "73.71"),
    ("-0.613", "0.377", "-1.259", "1.627", "-2.143", "0.829"),
    ("-1.371", "-0.831", "-2.417", "-0.559", "-1.733", "-3.079"),
    ("5", "3", "7", "4", "6", "2"),
)


def evaluated(expression: Any, at: dict[Any, Any]) -> Any:
    """Real and imaginary part of the expression at a point (symbol -> value); None where it has no value there."""
    exact = not at or all(value.is_Integer for value in at.values())
    if exact:
        value = sympy.N(expression.xreplace(at) if at else expression, DIGITS)
    else:  # not xreplace: SymPy would look for exact roots of the rationals put in
        value = expression.evalf(DIGITS, subs=at)
    if value.is_number and value.is_finite is not False and not value.has(*NO_VALUE, sympy.oo):
        real, imaginary = value.as_real_imag()
        if real.is_Float or real.is_Integer or real.is_Rational:
            return (real, imaginary)
    return None


def near(left: Any, right: Any) -> bool:
    """Whether two values, (real, imaginary) each, are one as far as evaluation can tell."""
    scale = max(abs(part) for part in (*left, *right))
    if scale < AGREED and not all(_significant(side) for side in (left, right)):
        return True  # zero, as far as evaluation can tell
    return all(abs(a - b) <= AGREED * scale for a, b in zip(left, right, strict=True))


def _significant(parts: Any) -> bool:
    """Whether the evaluated value has digits: SymPy gives a zero that it cannot prove a precision of a few bits."""
    return any(part != 0 and (not part.is_Float or part._prec > 30) for part in parts)


def radicands_of(*sides: Any) -> list[Any]:
    """What stands under an even root or in a logarithm: meant to be positive."""
    roots = [one.base for side in sides for one in side.atoms(sympy.Pow) if one.exp.is_Rational and one.exp.q % 2 == 0]
    return [one for one in roots + [log.args[0] for side in sides for log in side.atoms(sympy.log)] if one.free_symbols]


def agree(
    symbols: list[Any], evaluate: Callable[[dict[Any, Any]], tuple[Any, Any]], radicands: list[Any]
) -> bool | None:
    """Whether both sides agree at every point where both have a real number; where fewer than two points tell, at every
    point where both have a number; None where fewer than two tell still.

    A root of a negative number is outside the domain that is meant: 1/\\sqrt{n} is \\sqrt{1/n}."""
    real = 0
    others: list[bool] = []
    for row, point in enumerate(_POINTS):
        at = {
            symbol: sympy.Rational(point[(position * (row + 1)) % len(point)]) + sympy.Rational(position, 17)
            for position, symbol in enumerate(symbols)
        }
        if row == len(_POINTS) - 1:  # whole numbers, for what has a value there only (factorials, binomials, sums)
            at = {symbol: sympy.Integer(point[position % len(point)]) for position, symbol in enumerate(symbols)}
        try:
            left, right = evaluate(at)
        except (TypeError, ValueError, AttributeError, NotImplementedError, ArithmeticError):
            continue
        if left is None or right is None:
            continue
        same = near(left, right)
        if left[1] == 0 == right[1] or (same and 0 in (left[1], right[1])):
            if not same and any((one.evalf(15, subs=at) < 0) == True for one in radicands):  # noqa: E712
                others.append(same)  # \\sqrt{a}\\sqrt{b} is real for negative a and b, and not \\sqrt{ab}
            elif not same:
                return False
            else:
                real += 1
        elif left[1] != 0 != right[1]:  # else one side is real, the other complex: outside the domain of one of them
            others.append(same)
    if real >= 2:
        return True
    return None if real + len(others) < 2 else all(others)
