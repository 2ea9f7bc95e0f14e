"""Quantities per something: speeds, prices, densities.

In:  same_rate("36", "km/h", "10", "m / s")                 Out: True
In:  same_rate("15", "mph", "15", "km per hour")            Out: False
In:  same_rate("18", "dollars", "18", "dollars per day")    Out: None      (what it is per may be left off)
"""

import re

from tasks.verify.answers.numbers import read_number
from tasks.verify.answers.units import unit_named

_IN_ONE_WORD = {
    "mph": "mile/hour",
    **dict.fromkeys(("kmh", "kph", "kmph"), "km/hour"),
    "mpg": "mile/gallon",
    "fps": "foot/second",
}
_PER = re.compile(r" ?/ ?|(?:^| )per |(?:^| )an? ")


def split_rate(name: str) -> list[str]:
    """The parts of a unit's name, from the numerator on: "miles per hour" is ["miles", "hour"], "cm" is ["cm"]."""
    return _PER.split(_IN_ONE_WORD.get(name, name))


def same_rate(gold: str, gold_unit: str, answer: str, answer_unit: str) -> bool | None:
    """Whether two values with units, one of which at least is per something, are one; None where only the values can
    tell: the same rate, a part left off, parts that are not known."""
    wanted, got = split_rate(gold_unit), split_rate(answer_unit)
    if len(wanted) == len(got) == 1:
        return None
    parts = list(zip(wanted, got, strict=False))
    known = [(left, right) for one, other in parts if (left := unit_named(one)) and (right := unit_named(other))]
    if any(left.measure != right.measure for left, right in known):
        return False
    against_rates = [(one, other) for one, other in parts if len(got) > 1]
    against_rates += [(other, one) for one, other in parts if len(wanted) > 1]
    if any(_is_another(one, other) for one, other in against_rates):
        return False
    scales = [left.scale / right.scale for left, right in known]
    if len(known) < 2 or len(wanted) != len(got):
        return None if all(scale == 1 for scale in scales) else False
    ratio = scales[0]
    for scale in scales[1:]:
        ratio /= scale
    if ratio == 1:
        return None
    numbers = read_number(gold), read_number(answer)
    if numbers[0] is None or numbers[1] is None:
        return False
    return numbers[0].value * ratio == numbers[1].value


def _is_another(known: str, unknown: str) -> bool:
    """Whether a part of a rate is words that do not name a known unit: apples (per hour) against miles."""
    if not unknown or unit_named(known) is None or unit_named(unknown) is not None:
        return False
    return not _words(known) & _words(unknown)


def _words(name: str) -> set[str]:
    return {word.removesuffix("s") for word in name.split()}
