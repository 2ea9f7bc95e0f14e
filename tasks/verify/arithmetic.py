"""The arithmetic step checker: every equality of plain numbers that a solution states, the first false one flagged.

In:  JudgeItem(id="gsm8k/3f2a", …, solution="She sold 48/2 = <<48/2=24>>24 clips in May, so 48 + 24 = 74 clips.")
Out: ReasoningVerdict(valid=False, first_wrong_step="48 + 24 = 74", reason="48 + 24 is 72, not 74", judge="arithmetic/1")

It is the embedded judge (no model, no service), and a pre-filter before one. It sees wrong arithmetic, not wrong
reasoning: an equation with a variable, a conversion of units, a number that comes from nowhere pass unseen.
What counts as equal is said in docs/judging.md.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tasks.verify.expressions import RELATIONS, Parser, Rational, Side, Tokens, tokenize
from tasks.verify.types import JudgeItem, ReasoningVerdict

VERSION = 1  # part of the judge's identity: raise it whenever a verdict can change
MAX_CHARACTERS = 200_000

_ANNOTATION = re.compile(r"<<([^<>\n]{1,300})>>")
_RELATION = re.compile(r"=|≈|≃|≅|\\approx|\\simeq|\\doteq")
# Words before an expression that change what it says: "half of 50 + 3", "the average of 3 + 5".
_CHANGES_BEFORE = re.compile(
    r"(?:^|\s)(?:twice|double|doubled|triple|thrice|half|halves|third|thirds|quarter|fourth|fifth|dozen|average|mean|median|"
    r"remainder|quotient|root|square|cube|hundred|thousand|million|negative|minus|modulo|mod|base|ratio|log|of the|"
    r"percent|factorial|digits|inverse|reciprocal)(?: of)?(?: the)?$"
)
# Words behind a result that say that it is no exact value, or that its unit is another one.
_CHANGES_BEHIND = re.compile(
    r"\b(?:remainder|rounded|rounds?|rounding|whole|full|complete|approximately|approx|about|roughly|nearly|almost|mod|"
    r"modulo|base|left over|R|to the nearest|and (?:a )?(?:half|third|quarter))\b"
)
_SCALES = frozenset(
    """second sec minute min hour hr day week month year decade century inch foot feet yard mile mm cm m km kg g mg lb
    lbs pound ounce oz ton gallon quart pint cup liter litre ml dozen score gros hundred thousand million billion trillion
    cent penny pennie nickel dime quarter dollar buck half halve third fourth fifth tenth pair couple am pm percent degree
    radian gram meter metre kilometer centimeter millimeter kilogram th st nd rd thousandth hundredth piece ft in mph kph
    pack box bag case set group team bundle row""".split()
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
            steps = _check_text(mark)
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
    return [part for part in re.split(r"\n\s*\n(?!\s*[&=])", solution) if _RELATION.search(part)]


@lru_cache(maxsize=20_000)
def _check_text(text: str) -> Steps:
    tokens = tokenize(text)
    checked = 0
    for left, relation, right, chained in _equalities(tokens):
        holds = _holds(tokens, left, relation, right, chained)
        if holds is None:
            continue
        if not holds:
            return Steps(checked, _quote(tokens, left, right), _explain(tokens, left, relation, right))
        if left.operations or right.operations:
            checked += 1
    return Steps(checked)


def _equalities(tokens: Tokens) -> list[tuple[Side, str, Side, bool]]:
    """Neighbouring sides around each relation, in order; `chained` where the left one is a right one before."""
    kinds, values, match = tokens.kinds, tokens.values, tokens.match
    parser = Parser(tokens)
    found = []
    side, at, last = Side(end=-1), 0, len(kinds) - 2
    chained = False
    while at < last:
        kind = kinds[at]
        if kind in RELATIONS:
            left = side if side.end == at else Side()
            side = parser.read(at + 1)
            found.append((left, kind, side, chained and left is not side))
            at, chained = max(side.end, at + 1), True
            continue
        chained = False
        if kind in "nfqbv" or (kind == "(" and match[at] > 0) or (kind == "-" and _is_sign(tokens, at)):
            side = parser.read(at)
            if at and kinds[at - 1] == "w" and _CHANGES_BEFORE.search(values[at - 1].lower()):
                side.value = None
        elif kind in "+-*/^" or (kind == "w" and kinds[at + 1] in "+-*/^" and not _is_sign(tokens, at + 1)):
            side = parser.read(at + 1)  # goes on from words or from a line before: not plain
            side.value = None
        else:
            at += 1
            continue
        at = max(side.end, at + 1)
    return found


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
    if left.ambiguous or right.ambiguous or _changes_behind(tokens, right):
        return None
    if left.operations == 0 and not chained and (right.operations == 0 or left.units or _is_labelled(tokens, left)):
        return None  # `3 feet = 36 inches`, `day 5 = 80 * 2`
    if left.operations == 0 and right.operations == 0 and (left.units or right.units):
        return None
    if right.first is not None and right.operations and right.first != right.value and tokens.kinds[right.end] in RELATIONS:
        first = Side(value=right.first)
        if _equal(left, relation, first):
            return True  # run on: 10 - 3 = 7 + 5 = 12
    if not _comparable(left, right):
        return None
    if left.percent or right.percent:
        as_units = Parser(tokens, percent_as_unit=True)
        other_left, other_right = as_units.read(left.start), as_units.read(right.start)
        pairs = ((left, other_right), (other_left, right), (other_left, other_right))
        if any(_equal(a, relation, b) for a, b in pairs):
            return True
    return False


def _is_labelled(tokens: Tokens, side: Side) -> bool:
    return side.start > 0 and tokens.kinds[side.start - 1] == "w"


def _equal(left: Side, relation: str, right: Side) -> bool:
    if left.value is None or right.value is None:
        return False
    (a, b), (c, d) = left.value, right.value
    if a * d == c * b:
        return True
    if right.literal:
        return _rounds_to(left.value, right, relation)
    return left.literal and _rounds_to(right.value, left, relation)


def _rounds_to(value: Rational, literal: Side, relation: str) -> bool:
    """Whether `literal` is `value` rounded, or cut, to the digits that it shows."""
    shown = literal.value
    assert shown is not None
    digits = literal.digits.replace(",", "")
    whole, _, decimals = digits.partition(".")
    unit_upper, unit_lower = 1, 10 ** len(decimals)
    if relation == "~" and not decimals:
        unit_upper = 10 ** (len(whole) - len(whole.rstrip("0")))
    if literal.percent and shown[1] % 100 == 0:
        unit_lower *= 100
    upper = abs(value[0] * shown[1] - shown[0] * value[1])
    lower = value[1] * shown[1]  # the difference is upper / lower
    if relation == "=" and not decimals and not literal.percent:
        return False
    slack = 1 if relation == "~" or len(decimals) >= 2 else 2  # one unit of the last digit (cut) or half (rounded)
    if slack == 2:
        return 2 * upper * unit_lower <= unit_upper * lower
    return upper * unit_lower < unit_upper * lower


def _comparable(left: Side, right: Side) -> bool:
    """Whether the units allow to call a mismatch false: `8 hours - 6 hours = 3 hours`, not `2 pens + 3 pencils = $8`."""
    units = [unit for unit in (*left.units, *right.units) if unit]
    if len(units) <= 1:
        return not (units and units[0] & _SCALES and (left.additive or right.additive))
    if frozenset.intersection(*units):
        return True
    if left.additive or right.additive:
        return False
    return not any(unit & _SCALES for unit in units)


def _changes_behind(tokens: Tokens, right: Side) -> bool:
    start = tokens.ends[right.end - 1] if right.end else 0
    return _CHANGES_BEHIND.search(tokens.text[start : start + 40].split("\n")[0]) is not None


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
