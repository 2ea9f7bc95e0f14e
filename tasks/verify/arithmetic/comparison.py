"""Whether a stated equality holds: what docs/judging.md says of rounding, units, percentages and ways of writing.

In:  the equality 10/3 = 3.33     Out: True   (rounded to the digits shown)
     8 hours - 6 hours = 3 hours       False
     3 feet = 36 inches                None   (no statement of plain arithmetic)
"""

import re

from tasks.verify.arithmetic.expressions import Parser, Side
from tasks.verify.arithmetic.notation import RELATIONS, WORD_OPERATOR, Tokens
from tasks.verify.arithmetic.rationals import Rational
from tasks.verify.arithmetic.statements import Equality

# Words behind a result that say that it is no exact value, or that its unit is another one.
_CHANGES_BEHIND = re.compile(
    r"\bbase[- ]*[$({]*(?:\d|two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen)\b|"
    r"^[($\s]*[\d.,/]+\s*:\s*\d",
    re.IGNORECASE,
)
# The same, but said only of what is no whole number: "17 / 3 = 5 remainder 2", "17 / 3 = 5 and 2/3".
_INEXACT_BEHIND = re.compile(
    r"\b(?:remainder|rounded|rounds?|rounding|whole|full|approximately|approx|about|roughly|nearly|almost|left over|"
    r"leftover|R|to the nearest|and (?:a )?(?:half|third|quarter))\b|\bwith \d|"
    r"^[^a-zA-Z]*\band [($]*\d+\s*/\s*\d+(?!\s*[-+*/=\d])",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"\n|[.;]\s")
_CENTS = re.compile(r"\W*(?:cents?|pennies|¢)")
_RANGED = re.compile(r"(?:day|week|month|year|page|grade|hour|chapter|level|question|problem|step|age)s?$")
# Units that others are converted to, and words that stand for a number: a mismatch across them says nothing.
_SCALES = frozenset(
    """
    second sec minute min hour hr day week month year decade century inch foot feet yard mile mm cm m km
    kg g mg lb lbs pound ounce oz ton gallon quart pint cup liter litre ml dozen score gros hundred
    thousand million billion trillion cent penny pennie nickel dime quarter dollar buck half halve third
    fourth fifth tenth pair couple am pm percent degree radian gram meter metre kilometer centimeter
    millimeter kilogram th st nd rd thousandth hundredth piece ft in mph kph pack box bag case set group
    team bundle row
    """.split()  # noqa: SIM905
)


def holds(tokens: Tokens, equality: Equality) -> bool | None:
    """Whether it holds as stated; None where it is no statement of plain arithmetic."""
    left, relation, right, chained = equality.left, equality.relation, equality.right, equality.chained
    if left.value is None or right.value is None:
        return None
    if _equal(left, relation, right):
        return True
    if _in_cents(tokens, left, right):
        return True
    if left.ambiguous or right.ambiguous or _changes_behind(tokens, left, right):
        return None
    if left.operations == 0 and not chained and (right.operations == 0 or left.units or _is_labelled(tokens, left)):
        return None  # `3 feet = 36 inches`, `day 5 = 80 * 2`
    if not chained and _is_labelled(tokens, left) and _is_range(tokens, left):
        return None
    if left.operations == 0 and right.operations == 0 and (left.units or right.units):
        return None
    if _runs_on(tokens, left, relation, right):
        return True
    if not _comparable(left, right):
        return None
    others = [(a, b) for a in _readings(tokens, left) for b in _readings(tokens, right)]
    return any(_equal(a, relation, b) for a, b in others)


def _readings(tokens: Tokens, side: Side) -> list[Side]:
    """The side as read first, and in the other ways that people write."""
    found = [side]
    percents = (False, True) if side.percent else (False,)
    quotients = (False, True) if side.quotient else (False,)
    for percent in percents:
        for quotient in quotients:
            if percent or quotient:
                found.append(Parser(tokens, percent_as_unit=percent, divide_by_all=quotient).read(side.start))
    return found


def _runs_on(tokens: Tokens, left: Side, relation: str, right: Side) -> bool:
    """`10 - 3 = 7 + 5 = 12`: each result is carried on. False read literally, but no wrong step."""
    if right.first is None or not right.operations:
        return False
    goes_on = tokens.kinds[right.end] in RELATIONS or any(
        tokens.values[at] in WORD_OPERATOR for at in range(right.start, right.end)
    )
    return goes_on and _equal(left, relation, Side(value=right.first))


def _is_labelled(tokens: Tokens, side: Side) -> bool:
    return side.start > 0 and tokens.kinds[side.start - 1] == "w"


def _is_range(tokens: Tokens, side: Side) -> bool:
    """`days 1-2 = 96 - 70`"""
    at = side.start
    if not _RANGED.search(tokens.values[at - 1].lower()):
        return False
    return tokens.kinds[at : side.end] == ["n", "-", "n"] and tokens.ends[at] + 1 == tokens.starts[at + 2]


def _equal(left: Side, relation: str, right: Side) -> bool:
    if left.value is None or right.value is None:
        return False
    (a, b), (c, d) = left.value, right.value
    if a * d == c * b:
        return True
    if right.literal:
        return _rounds_to(left.value, right, relation)
    if left.literal:
        return _rounds_to(right.value, left, relation)
    if relation == "~" or left.decimals or right.decimals:
        share = 100 if relation == "~" else 1000  # of the value: a rounded number was carried on
        return abs(a * d - c * b) * share <= abs(a * d)
    return False


def _rounds_to(value: Rational, literal: Side, relation: str) -> bool:
    """Whether `literal` is `value` rounded, or cut, to the digits that it shows."""
    shown = literal.value
    assert shown is not None
    whole, _, decimals = literal.digits.replace(",", "").partition(".")
    unit = 1
    if relation == "~" and not decimals:
        unit = 10 ** (len(whole) - len(whole.rstrip("0")))
    elif relation == "=" and literal.shown == 1 and (len(whole) < 3 or value[0] % value[1] == 0):
        return False  # whole numbers are exact, but for a fraction of a number of three digits
    difference = value[0] * shown[1] - shown[0] * value[1]
    upper, lower = abs(difference), value[1] * shown[1]
    if 2 * upper * literal.shown <= unit * lower:
        return True  # rounded
    if relation == "=" and len(decimals) < 2:
        return False
    cut = (difference >= 0) == (value[0] >= 0)  # towards zero
    return cut and upper * literal.shown < unit * lower


def _comparable(left: Side, right: Side) -> bool:
    """Whether the units let a mismatch be false: `8 hours - 6 hours = 3 hours` is, `2 pens + 3 pencils = $8` not."""
    units = [unit for unit in (*left.units, *right.units) if unit]
    if any("remainder" in unit for unit in units):
        return False
    if len(units) <= 1:
        return not units or bool(right.units) or not units[0] & _SCALES
    if frozenset.intersection(*units):
        return True
    if left.additive or right.additive:
        return False
    return not any(unit & _SCALES for unit in units)


def _in_cents(tokens: Tokens, left: Side, right: Side) -> bool:
    """`$2.50 - $2.24 = 26 cents`"""
    assert left.value is not None and right.value is not None
    (a, b), (c, d) = left.value, right.value
    return 100 * a * d == c * b and _CENTS.match(tokens.text, tokens.ends[right.end - 1]) is not None


def _changes_behind(tokens: Tokens, left: Side, right: Side) -> bool:
    assert left.value is not None
    start, end = tokens.starts[right.start], tokens.ends[right.end - 1]
    text = _SENTENCE_END.split(tokens.text[start : end + 40], maxsplit=1)[0]
    if _CHANGES_BEHIND.search(text) is not None:
        return True
    return left.value[0] % left.value[1] != 0 and _INEXACT_BEHIND.search(text) is not None
