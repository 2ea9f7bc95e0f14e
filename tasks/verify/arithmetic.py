"""The arithmetic step checker: every equality of plain numbers that a solution states, the first false one flagged.

In:  JudgeItem(id="gsm8k/3f2a", …, solution="She sold 48/2 = <<48/2=24>>24 clips in May, so 48 + 24 = 74 clips.")
Out: ReasoningVerdict(valid=False, first_wrong_step="48 + 24 = 74", reason="48 + 24 is 72, not 74", judge=…)

It is the embedded judge (no model, no service), and a pre-filter before one. It sees wrong arithmetic, not wrong
reasoning: an equation with a variable, a conversion of units, a number that comes from nowhere pass unseen.
What counts as equal is said in docs/judging.md.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tasks.verify.expressions import Parser, Rational, Side
from tasks.verify.notation import RELATIONS, WORD_OPERATOR, Tokens, tokenize
from tasks.verify.types import JudgeItem, ReasoningVerdict

VERSION = 1  # part of the judge's identity: raise it whenever a verdict can change
MAX_CHARACTERS = 200_000

_ANNOTATION = re.compile(r"<<([^<>\n]{1,300})>>")
_RELATION = re.compile(r"=|≈|≃|≅|\\approx|\\simeq|\\doteq")
_MODULAR = re.compile(r"\\equiv|mod\b|\\pmod|≡")
# Words before an expression that change what it says: "half of 50 + 3", "the average of 3 + 5".
_CHANGES_BEFORE = re.compile(
    r"(?:^|\s)(?:twice|double|doubled|triple|thrice|half|halves|third|thirds|quarter|fourth|fifth|dozen|average|mean|median|"
    r"remainder|quotient|root|square|cube|hundred|thousand|million|negative|minus|modulo|mod|base|ratio|log|of the|"
    r"percent|factorial|digits|inverse|reciprocal)(?: of)?(?: the)?$"
)
# Words behind a result that say that it is no exact value, or that its unit is another one.
_CHANGES_BEHIND = re.compile(r"\b(?:mod|modulo|base)\b|\d\s*:\s*\d", re.IGNORECASE)
# The same, but said only of what is no whole number: "17 / 3 = 5 remainder 2", "17 / 3 = 5 and 2/3".
_INEXACT_BEHIND = re.compile(
    r"\b(?:remainder|rounded|rounds?|rounding|whole|full|approximately|approx|about|roughly|nearly|almost|left over|"
    r"leftover|R|to the nearest|and (?:a )?(?:half|third|quarter))\b|\bwith \d|"
    r"^[^a-zA-Z]*\band [($]*\d+\s*/\s*\d+(?!\s*[-+*/=\d])",
    re.IGNORECASE,
)
_CENTS = re.compile(r"\W*(?:cents?|pennies|¢)")
_RANGED = re.compile(r"(?:day|week|month|year|page|grade|hour|chapter|level|question|problem|step|age)s?$")
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


@dataclass(frozen=True, slots=True)
class Steps:
    """What was found: `checked` equalities with an operation that hold, and the first that does not."""

    checked: int
    false_step: str | None = None
    reason: str = ""


class ArithmeticJudge:
    """Judges a solution by its stated equalities.

    Args:
        require_step: call a solution without any checkable step invalid. For where this judge stands alone: else an
            agent that is paid for passing learns to write no steps.
    """

    def __init__(self, require_step: bool = True) -> None:
        self.require_step = require_step
        self.name = f"arithmetic/{VERSION}" + ("" if require_step else "/lenient")

    def judge(self, items: Sequence[JudgeItem]) -> list[ReasoningVerdict]:
        """One verdict an item, in order. Always a verdict: `valid` is never None."""
        return [self.judge_text(item.solution) for item in items]

    def judge_text(self, solution: str) -> ReasoningVerdict:
        """The verdict on one solution."""
        if len(solution) > MAX_CHARACTERS:
            reason = f"longer than {MAX_CHARACTERS} characters, not checked"
            return ReasoningVerdict(False, None, reason, self.name)
        steps = check_steps(solution)
        if steps.false_step is not None:
            return ReasoningVerdict(False, steps.false_step, steps.reason, self.name)
        if steps.checked == 0 and self.require_step:
            return ReasoningVerdict(False, None, "no checkable step: no equality of plain numbers is stated", self.name)
        return ReasoningVerdict(True, None, f"{steps.checked} steps checked", self.name)


def check_steps(solution: str) -> Steps:
    """Check every equality of plain numbers in `solution`, calculator marks (`<<48/2=24>>`) included."""
    checked = 0
    if "<<" in solution:
        for mark in _ANNOTATION.findall(solution):
            steps = _check_text(mark.lstrip(" +"), mark=True)
            if steps.false_step is not None:
                return Steps(checked, steps.false_step, steps.reason)
        solution = _ANNOTATION.sub("", solution)
    for passage in _passages(solution):
        steps = _check_text(passage)
        checked += steps.checked
        if steps.false_step is not None:
            return Steps(checked, steps.false_step, steps.reason)
    return Steps(checked)


def _passages(solution: str) -> list[str]:
    """Paragraphs that state a relation. A chain may run over lines, not over an empty one unless it opens with '='."""
    return [part for part in re.split(r"\n\s*\n(?!\s{0,8}[&=])", solution) if _RELATION.search(part)]


@lru_cache(maxsize=20_000)
def _check_text(text: str, mark: bool = False) -> Steps:
    tokens = tokenize(text)
    modular = _MODULAR.search(text) is not None  # `8^4 = 7^2` may be meant modulo 19
    checked = 0
    for left, relation, right, chained in _equalities(tokens, mark):
        holds = _holds(tokens, left, relation, right, chained)
        if holds is None:
            continue
        if not holds:
            if modular:
                continue
            return Steps(checked, _quote(tokens, left, right), _explain(tokens, left, relation, right))
        if left.operations or right.operations:
            checked += 1
    return Steps(checked)


def _equalities(tokens: Tokens, mark: bool) -> list[tuple[Side, str, Side, bool]]:
    """Neighbouring sides around each relation, in order; `chained` where the left one is a right one before.

    A calculator mark holds nothing but numbers, so its first side counts as chained: <<5=51>> is no label.
    """
    kinds, match = tokens.kinds, tokens.match
    parser = Parser(tokens)
    found = []
    side, at, last = Side(end=-1), 0, len(kinds) - 2
    chained = False
    while at < last:
        kind = kinds[at]
        if kind in RELATIONS:
            left = side if side.end == at else Side()
            side = parser.read(at + 1, right=True)
            found.append((left, kind, side, (chained or mark) and left is not side))
            at, chained = max(side.end, at + 1), True
            continue
        chained = False
        if kind == "w" and kinds[at + 1] in "n(" and _is_applied(tokens, at):
            kinds[at] = kind = "v"
        if kind in "nfqbv" or (kind == "(" and match[at] > 0) or (kind == "-" and _is_sign(tokens, at)):
            side = parser.read(at)
            if at and kinds[at - 1] == "w" and _changes_before(tokens, at):
                side.value = None
        elif kind in "+-*/^" or (kind == "w" and kinds[at + 1] in "+-*/^" and not _is_sign(tokens, at + 1)):
            side = parser.read(at + 1)  # goes on from words or from a line before: not plain
            side.value = None
        else:
            at += 1
            continue
        at = max(side.end, at + 1)
    return found


def _changes_before(tokens: Tokens, at: int) -> bool:
    words = tokens.values[at - 1].lower()
    if words == "and" and at > 1 and tokens.kinds[at - 2] == "n" and tokens.kinds[at + 1] == "/":
        return True  # `12 x 1 and 1/4 = 15`
    return _CHANGES_BEFORE.search(words) is not None


def _is_applied(tokens: Tokens, at: int) -> bool:
    """Whether the words at `at` end in a function or factor of what follows: f(2), a(3 + 4), f \\left( 2 \\right)."""
    words, gap = tokens.values[at], tokens.text[tokens.ends[at] : tokens.starts[at + 1]]
    if gap == "" or gap == "\\left":
        return True
    return tokens.kinds[at + 1] == "(" and (len(words) == 1 or words[-2:-1] == " ")


def _is_sign(tokens: Tokens, at: int) -> bool:
    """A minus that belongs to the number behind it: `is -3`, not `cost - 3`."""
    if tokens.kinds[at] != "-" or tokens.kinds[at + 1] not in "n(f":
        return False
    before = tokens.kinds[at - 1] if at else "|"
    tight = tokens.starts[at + 1] == tokens.ends[at]
    return before in "|(" or (tight and tokens.text[tokens.starts[at] - 1].isspace())


def _holds(tokens: Tokens, left: Side, relation: str, right: Side, chained: bool) -> bool | None:
    """Whether left = right as stated; None where that is no statement of plain arithmetic."""
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
    if not chained and left.units and left.operations == 1 and "/" in tokens.kinds[left.start + 1 : left.start + 2]:
        return None  # `1/4 cup = 2 * 2`
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
    if right.mantissa is not None:
        assert right.mantissa.value is not None
        (a, b), (c, d), (e, f) = left.value, right.value, right.mantissa.value
        return c != 0 and _rounds_to((a * d * e * (1 if c > 0 else -1), b * abs(c) * f), right.mantissa, relation)
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
    text = tokens.text[start : end + 40].split("\n")[0]
    if _CHANGES_BEHIND.search(text) is not None:
        return True
    return left.value[0] % left.value[1] != 0 and _INEXACT_BEHIND.search(text) is not None


def _quote(tokens: Tokens, left: Side, right: Side) -> str:
    return tokens.text[tokens.starts[left.start] : tokens.ends[right.end - 1]].strip()


def _explain(tokens: Tokens, left: Side, relation: str, right: Side) -> str:
    said = "about " if relation == "~" else ""
    return f"{_written(tokens, left)} is {_shown(left)}, not {said}{_written(tokens, right)}" + (
        f" ({_shown(right)})" if right.operations else ""
    )


def _written(tokens: Tokens, side: Side) -> str:
    return tokens.text[tokens.starts[side.start] : tokens.ends[side.end - 1]].strip()


def _shown(side: Side) -> str:
    assert side.value is not None
    upper, lower = side.value
    if upper % lower == 0:
        whole = str(upper // lower)
        return whole if len(whole) <= 40 else f"{whole[:20]}… ({len(whole)} digits)"
    try:
        return f"{upper / lower:.6g}"
    except OverflowError:
        return "a number of other size"
