"""Numbers with units against each other, and times of day.

In:  same_quantity("90«minutes»", "1 hour and 30 minutes")      Out: True
In:  same_quantity("15«cm»^2", "15«cm»")                        Out: False     (area is not length)
In:  same_quantity("15«cm»^2", "15")                            Out: None      (a unit may be left off)
"""

import re
from fractions import Fraction

from tasks.verify.answers.numbers import read_number
from tasks.verify.answers.rates import same_rate
from tasks.verify.answers.units import Unit, read_compound, split_unit, unit_named

_TIME = re.compile(
    r"«?([0-9]{1,2})(?::([0-9]{2})\s*«?\s*([ap])?\.?\s*(?:m\.?)?|\s*«?\s*([ap])\.?m\.?)\s*»?", re.IGNORECASE
)
_TWO_UNITS = re.compile(r"[0-9] ?«? ?[A-Za-z]++[^0-9]*+[0-9]")

# Measures of which one name is used for the other: "5 degrees" for 5 °C, "5 pounds" for £5, ¥5 for 5 yuan.
_BY_ONE_NAME = {
    frozenset(pair)
    for pair in (("angle", "celsius"), ("angle", "fahrenheit"), ("weight", "sterling"), ("¥", "yen"), ("¥", "yuan"))
}


def same_quantity(gold: str, answer: str) -> bool | None:
    """Whether two quantities are one, as far as their units decide it; None where only the values can."""
    if (at_time := same_time(gold, answer)) is not None:
        return at_time
    for one, other in ((gold, answer), (answer, gold)):
        if _TWO_UNITS.search(one) and (quantity := read_compound(one)):
            return _same_compound(quantity, other)
    wanted, got = split_unit(gold), split_unit(answer)
    for (core, unit), other in ((wanted, got[0]), (got, wanted[0])):
        if unit in ("cent", "cents") and None in (wanted[1], got[1]):  # dollars are written without their sign as well
            cents, dollars = read_number(core), read_number(other)
            if cents and dollars and cents.value == 100 * dollars.value:
                return True
    if wanted[1] is not None and got[1] is not None:
        left, right = unit_named(wanted[1]), unit_named(got[1])
        if _exponent(wanted[1]) != _exponent(got[1]):
            return False
        if (at_rate := same_rate(wanted[0], wanted[1], got[0], got[1])) is not None:
            return at_rate
        if left and right and left != right:
            if left.measure != right.measure:
                return None if frozenset((left.measure, right.measure)) in _BY_ONE_NAME else False
            numbers = read_number(wanted[0]), read_number(got[0])
            if numbers[0] is None or numbers[1] is None:
                return False
            return numbers[0].value * left.scale == numbers[1].value * right.scale
    for (core, unit), other in ((wanted, answer), (got, gold)):
        if unit is not None and other.endswith("%") and "%" not in core:
            return False  # "60 inches" is not "60%"
    return None


def _same_compound(quantity: tuple[Fraction, Unit, tuple[Unit, ...]], other: str) -> bool:
    """A quantity in several units against one in several or one, or against its number in one of its own units."""
    amount, unit, units = quantity
    compound = read_compound(other)
    if compound:
        return compound[1].measure == unit.measure and amount * unit.scale == compound[0] * compound[1].scale
    core, name = split_unit(other)
    number, named = read_number(core), unit_named(name)
    if number is None or (name is not None and (named is None or named.measure != unit.measure)):
        return False
    return any(amount * unit.scale == number.value * one.scale for one in ((named,) if named else units))


def _exponent(unit: str) -> str:
    if match := re.search(r"\^([0-9-]+)$", unit):
        return match[1]
    if re.search(r"^(?:squared?|sq)\b| squared$", unit):
        return "2"
    return "3" if re.search(r"^(?:cubic|cu)\b| cubed$", unit) else "1"


def same_time(gold: str, answer: str) -> bool | None:
    """Two times of day; None where one is none."""
    left, right = _TIME.fullmatch(gold), _TIME.fullmatch(answer)
    if not left or not right:
        return None
    if (int(left[1]), left[2] or "00") != (int(right[1]), right[2] or "00"):
        return False
    halves = {(time[3] or time[4] or "").lower() for time in (left, right)} - {""}
    return len(halves) < 2
