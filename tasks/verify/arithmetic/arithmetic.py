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

from tasks.verify.arithmetic.comparison import holds
from tasks.verify.arithmetic.expressions import Side
from tasks.verify.arithmetic.modular import beside_modulus, meant_modulo, names_modulus
from tasks.verify.arithmetic.notation import Tokens, tokenize
from tasks.verify.arithmetic.statements import Equality, equalities
from tasks.verify.types import JudgeItem, ReasoningVerdict

VERSION = 3  # part of the judge's identity: raise it whenever a verdict can change
MAX_CHARACTERS = 200_000

_ANNOTATION = re.compile(r"<<([^<>\n]{1,300})>>")
_RELATION = re.compile(r"=|≈|≃|≅|\\approx|\\simeq|\\doteq")


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
    checked = 0
    modular = names_modulus(text)
    excused = False
    for equality in equalities(tokens, mark):
        verdict = holds(tokens, equality)
        if verdict is None:
            excused = excused or (modular and beside_modulus(tokens, equality))
            continue
        if not verdict:
            if meant_modulo(tokens, equality):
                excused = True
                continue
            return Steps(checked, _quote(tokens, equality), _explain(tokens, equality))
        if equality.left.operations or equality.right.operations:
            checked += 1
    return Steps(0 if excused else checked)  # a passage that counts modulo states no step of plain arithmetic


def _quote(tokens: Tokens, equality: Equality) -> str:
    return tokens.text[tokens.starts[equality.left.start] : tokens.ends[equality.right.end - 1]].strip()


def _explain(tokens: Tokens, equality: Equality) -> str:
    left, right = equality.left, equality.right
    said = "about " if equality.relation == "~" else ""
    value = f" ({_shown(right)})" if right.operations else ""
    return f"{_written(tokens, left)} is {_shown(left)}, not {said}{_written(tokens, right)}{value}"


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
