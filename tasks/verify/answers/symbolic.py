"""The slow leaf: two values as SymPy expressions, read by math-verify's LaTeX parser. Runs in a child process only.

In:  symbolic_leaf("\\frac{x+2}{7}", "\\frac{x}{7}+\\frac{2}{7}")
Out: True

Equality is decided by values: structurally equal, else equal to 15 digits everywhere they were evaluated (two
expressions without variables once, with variables at several points), else by math-verify's own comparison.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from tasks.verify.answers.forms import split_relation
from tasks.verify.answers.normal import squeeze
from tasks.verify.answers.numbers import close, read_number
from tasks.verify.answers.parsing import read
from tasks.verify.answers.values import NO_VALUE, agree, evaluated, near, radicands_of


@lru_cache(maxsize=4096)
def symbolic_leaf(gold: str, answer: str) -> bool | None:
    """Equality of two values or relations by SymPy alone. Raises Undecided where a value is refused."""
    wanted, got = read(gold), read(answer)
    if wanted is None or got is None:
        return False
    if isinstance(wanted, Relational) or isinstance(got, Relational):
        return _same_relation(gold, answer, wanted, got)
    return _same_value(wanted, got, _decimals(gold), _decimals(answer))


def _decimals(text: str) -> int | None:
    """Digits behind the point of the value that a number shows: 3 of 41.4 %, which is 0.414."""
    number = read_number(text)
    if number is None or number.decimals is None:
        return None
    return number.decimals + 2 if number.percent else number.decimals


def slow_leaf(gold: str, answer: str) -> bool | None:
    """Plain numbers without SymPy, everything else with it."""
    from tasks.verify.answers.equivalence import plain_leaf

    decided = plain_leaf(gold, answer)
    return symbolic_leaf(gold, answer) if decided is None else decided


def _exact(expression: Any) -> Any:
    """Without floats, unevaluated parts and functions of unknown name (f(x) becomes a variable)."""
    if isinstance(expression, sympy.MatrixBase):
        return expression.applyfunc(_exact)
    floats = expression.atoms(sympy.Float)
    if floats:  # before anything is evaluated: sqrt(10.5) is exact, sqrt(10.5).doit() is not
        expression = expression.xreplace({number: sympy.Rational(str(number)) for number in floats})
    units = {symbol: sympy.I for symbol in expression.free_symbols if str(symbol) == "i"}
    expression = expression.xreplace(units).doit()
    unknown = expression.atoms(AppliedUndef)
    return expression.xreplace({call: sympy.Symbol(f"call_{call}") for call in unknown}) if unknown else expression


def _same_value(gold: Any, answer: Any, gold_decimals: int | None, answer_decimals: int | None) -> bool:
    if gold == answer and not gold.has(*NO_VALUE):
        return True
    try:
        gold, answer = _exact(gold), _exact(answer)
    except (RecursionError, ValueError, TypeError, AttributeError, NotImplementedError):
        return _math_verify(gold, answer)
    if any(side.has(*NO_VALUE) for side in (gold, answer)):
        return False
    if gold == answer:
        return True
    if not (isinstance(gold, sympy.Expr) and isinstance(answer, sympy.Expr)):
        return _math_verify(gold, answer)
    answer = _renamed(gold, answer)
    symbols = sorted(gold.free_symbols | answer.free_symbols, key=str)
    if gold.is_Rational and answer.is_Rational and gold_decimals is None and answer_decimals is None:
        return bool(gold == answer)
    if not symbols:
        return _same_constant(gold, answer, gold_decimals, answer_decimals)
    decided = agree(symbols, lambda at: (evaluated(gold, at), evaluated(answer, at)), radicands_of(gold, answer))
    return _math_verify(gold, answer) if decided is None else decided


def _renamed(gold: Any, answer: Any) -> Any:
    """A variable written in the other case ("X" for "x") is the same one, unless both occur."""
    theirs = {str(symbol): symbol for symbol in gold.free_symbols}
    ours = {str(symbol): symbol for symbol in answer.free_symbols}
    names = {ours[name]: theirs[name.swapcase()] for name in ours if name not in theirs and name.swapcase() in theirs}
    if any(str(target) in ours for target in names.values()):
        return answer
    return answer.xreplace(names)


def _same_constant(gold: Any, answer: Any, gold_decimals: int | None, answer_decimals: int | None) -> bool:
    try:
        left, right = evaluated(gold, {}), evaluated(answer, {})
    except (TypeError, ValueError, AttributeError, NotImplementedError, ArithmeticError):
        return _math_verify(gold, answer)
    if left is None or right is None:
        return _math_verify(gold, answer)
    if near(left, right):
        return True
    if (gold_decimals is None and answer_decimals is None) or left[1] != 0 or right[1] != 0:
        return False
    irrational = answer.is_rational is False
    return close(_fraction(gold, left), gold_decimals, _fraction(answer, right), answer_decimals, irrational)


def _fraction(expression: Any, value: Any) -> Fraction:
    if expression.is_Rational:
        return Fraction(int(expression.p), int(expression.q))
    return Fraction(str(value[0]))


def _same_relation(gold: str, answer: str, wanted: Any, got: Any) -> bool | None:
    """Equations and inequalities that differ by a constant factor are the same; c>0 keeps the sign's direction."""
    if not (isinstance(wanted, Relational) and isinstance(got, Relational)):
        return False
    if _kind(wanted) != _kind(got) or len(split_relation(gold)[1]) != 1 or len(split_relation(answer)[1]) != 1:
        return False
    try:
        left, right = _exact(wanted.lhs - wanted.rhs), _exact(got.lhs - got.rhs)
    except (RecursionError, ValueError, TypeError, AttributeError, NotImplementedError):
        return _math_verify(wanted, got)
    if not _direction(wanted):
        left, right = (sympy.together(side).as_numer_denom()[0] for side in (left, right))
    right = _renamed(left, right)
    if left.free_symbols != right.free_symbols or not left.free_symbols:
        return bool(squeeze(gold) == squeeze(answer))
    symbols = sorted(left.free_symbols, key=str)
    ratio = right / left
    first: list[Any] = []

    def compare(at: dict[Any, Any]) -> tuple[Any, Any]:
        value = evaluated(ratio, at)
        if value is not None:
            first.append(value)
        return (first[0] if first else None), value

    decided = agree(symbols, compare, radicands_of(left, right))
    if decided is None:
        return _math_verify(wanted, got)
    if not decided or first[0][1] != 0 or first[0][0] == 0:
        return False
    sign = 1 if first[0][0] > 0 else -1
    return _direction(wanted) == sign * _direction(got)


def _kind(relation: Any) -> str:
    """= and ≠ as they are, < and > as one, ≤ and ≥ as one."""
    return str(relation.rel_op).replace(">", "<")


def _direction(relation: Any) -> int:
    return (">" in relation.rel_op) - ("<" in relation.rel_op)


def _math_verify(gold: Any, answer: Any) -> bool:
    """math-verify's own comparison, gold first, for what has no value to compare (sets, sums, integrals)."""
    from math_verify.grader import verify

    return bool(verify(gold, answer, timeout_seconds=None, allow_set_relation_comp=True))
