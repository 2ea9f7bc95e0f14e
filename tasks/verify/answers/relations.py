"""Equations and inequalities against each other and against values.

In:  same_relation(["x", "5"], ["="], ["5"], [], …)           Out: True     ("x=5" for "5": the name may be given)
In:  same_relation(["0", "x", "1"], ["\\le", "<"], ["[0,1)"], [], …)   Out: True     (an interval)

`same` compares two parts by the whole policy, `leaf` two values or relations that are left as they are.
"""

import re
from collections.abc import Callable, Sequence

from tasks.verify.answers.forms import all_of
from tasks.verify.answers.normal import squeeze
from tasks.verify.answers.numbers import read_number

Same = Callable[[str, str], bool | None]
Sides = Sequence[str]

_EQUALITIES = ("=", r"\approx", r"\in", r"\equiv", r"\to")
_FLIPPED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
_CONSTANTS = ("e", "i", r"\pi")
_INDEX = r"(?:_\{?\w+\}?)?"
_NAME = re.compile(
    r"(?:\\?[A-Za-z]+(?:_\{?[^{}=]*\}?)?'*(?:\^\{?-1\}?)?(?:\([^()]*\))?|«[^«»]*»|\|[^|=]*[A-Za-z][^|=]*\|"
    rf"|\([A-Za-z]{_INDEX}(?:,[A-Za-z]{_INDEX})*\)"
    r"|\\(?:angle|triangle|overline|widehat|overrightarrow|arg|det|operatorname) ?\{?[A-Za-z ]+\}?"
    r"|\\frac\{[A-Z]{1,3}\}\{[A-Z]{1,3}\}|[A-Z][A-Za-z0-9_{}]*:[A-Z][A-Za-z0-9_{}]*)"
)
_FUNCTION = re.compile(rf"(\\?[A-Za-z]+{_INDEX}'*)\(([^()]*)\)")
_SIZE = re.compile(rf"\|([A-Za-z]{_INDEX})\|")
_KINDS = (
    ("variable", re.compile(rf"\\?[A-Za-z]+{_INDEX}'*")),
    ("size", re.compile(r"\|.*\|")),
    ("tuple", re.compile(r"\(.*\)")),
)


def same_relation(
    gold: Sides, gold_signs: Sides, answer: Sides, answer_signs: Sides, same: Same, leaf: Same
) -> bool | None:
    """Two chains of relations, at least one of which has a sign."""
    gold_equal = bool(gold_signs) and all(sign in _EQUALITIES for sign in gold_signs)
    answer_equal = bool(answer_signs) and all(sign in _EQUALITIES for sign in answer_signs)
    gold, answer = _name_first(gold, gold_signs), _name_first(answer, answer_signs)
    if gold_equal and answer_equal:
        return _equations(gold, gold_signs, answer, answer_signs, same, leaf)
    if gold_equal and not answer_signs:
        if _is_name(gold[0]):
            return same(exact_value(gold, gold_signs), answer[0])
        return _computed(gold, gold_signs, lambda value: same(value, answer[0]), leaf)
    if answer_equal and not gold_signs:
        # "x+y=5" for 5: accepted where the left side has no number of its own, else it is an equation to be solved
        if _is_name(answer[0]) or not re.search(r"(?<![_^{0-9])[0-9]", answer[0]):
            return same(gold[0], exact_value(answer, answer_signs))
        return _computed(answer, answer_signs, lambda value: same(gold[0], value), leaf)
    return _inequalities(gold, gold_signs, answer, answer_signs, same, leaf)


def _name_first(sides: Sides, signs: Sides) -> Sides:
    """ "5=x" as "x=5"; a constant is no name."""
    turned = signs == ("=",) and _is_name(sides[1]) and not _is_name(sides[0]) and sides[1] not in _CONSTANTS
    return sides[::-1] if turned else sides


def exact_value(sides: Sides, signs: Sides) -> str:
    """The last exact side of a chain: "x=5+6=11" is 11, "x=1/3\\approx0.33" is 1/3."""
    last = len(signs)
    while last and signs[last - 1] == r"\approx" and (last > 1 or not _is_name(sides[0])):
        last -= 1
    return sides[last]


def _is_name(side: str) -> bool:
    return bool(_NAME.fullmatch(side.strip())) and read_number(side) is None


def is_variable(side: str) -> bool:
    """x, x_1, \\alpha."""
    return bool(re.fullmatch(rf"\\?[A-Za-z]+{_INDEX}", side.strip())) and len(re.sub(r"\\[a-z]+|_.*", "", side)) <= 1


def letters(text: str) -> set[str]:
    """The letters of a text that are not part of a command."""
    return set(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", text)))


def _computed(sides: Sides, signs: Sides, same: Callable[[str], bool | None], leaf: Same) -> bool | None:
    """ "1+2=3" and "11/3\\approx3.67" are values (the exact side decides), so is "\\sum_{k=1}^{3}k=6", whose sides are
    equal; "2x=3" is an equation and is none."""
    if letters("".join(sides)) and r"\approx" not in signs:
        return all_of([same(sides[1]), leaf(sides[0], sides[1])]) if signs == ("=",) else False
    return same(sides[0] if r"\approx" in signs else sides[-1])


def _equations(
    gold: Sides, gold_signs: Sides, answer: Sides, answer_signs: Sides, same: Same, leaf: Same
) -> bool | None:
    wanted, got = exact_value(gold, gold_signs), exact_value(answer, answer_signs)
    if _is_name(gold[0]) and _is_name(answer[0]):
        renamed = _in_terms_of(gold[0], answer[0], got)
        decided = False if renamed is None else same(wanted, renamed)
        if decided is not False or squeeze(gold[0]) == squeeze(answer[0]):
            return decided
        if renamed is None and (read_number(wanted) is not None or read_number(got) is not None):
            return False
    if len(gold) == 2 and len(answer) == 2:
        if all_of([same(gold[0], answer[0]), same(gold[1], answer[1])]):
            return True
        return leaf(_join(gold, gold_signs), _join(answer, answer_signs))
    return same(wanted, got)


def _in_terms_of(gold: str, answer: str, value: str) -> str | None:
    """The value named `answer` in the terms of the name `gold`: f(t)=2t is f(x)=2x. None where the names are of one
    kind but not the same ("x=5" for "y=5"); names of two kinds ("y" and "f(x)", "Area" and "A") go together."""
    gold, answer = (squeeze(name).replace(r"\angle", "") for name in (gold, answer))
    if gold == answer:
        return value
    left, right = _FUNCTION.fullmatch(gold), _FUNCTION.fullmatch(answer)
    if left and right:
        theirs, ours, used = left[2], right[2], letters(value)
        if left[1] != right[1] or not (len(theirs) == len(ours) == 1 and theirs.isalpha() and ours.isalpha()):
            return None
        if theirs != ours and (theirs in used or (ours not in used and used)):
            return None
        return re.sub(rf"(?<![A-Za-z\\]){ours}(?![A-Za-z])", theirs, value)
    kinds = [next((kind for kind, pattern in _KINDS if pattern.fullmatch(name)), "words") for name in (gold, answer)]
    return None if kinds[0] == kinds[1] and kinds[0] != "words" else value


def _inequalities(
    gold: Sides, gold_signs: Sides, answer: Sides, answer_signs: Sides, same: Same, leaf: Same
) -> bool | None:
    turned = len(gold_signs) == len(answer_signs) == 1 and _FLIPPED.get(gold_signs[0]) == answer_signs[0]
    if turned and all_of(same(g, a) for g, a in zip(gold, reversed(answer), strict=True)):
        return True
    wanted, subject = as_interval(gold, gold_signs)
    got, other = as_interval(answer, answer_signs)
    if subject and other and subject.lower() != other.lower():
        named = letters("".join(gold))
        if len(named) < 2 or named != letters("".join(answer)):
            return False
        return leaf(_join(gold, gold_signs), _join(answer, answer_signs))  # "a-1<b" for "a<b+1"
    if (wanted or not gold_signs) and (got or not answer_signs):
        return same(wanted or gold[0], got or answer[0])
    if len(gold_signs) == len(answer_signs) > 1:
        return _chains(gold, gold_signs, answer, answer_signs, same)
    if gold_signs and answer_signs:
        return leaf(_join(gold, gold_signs), _join(answer, answer_signs))
    return False


def _chains(gold: Sides, gold_signs: Sides, answer: Sides, answer_signs: Sides, same: Same) -> bool | None:
    """a<b<c against a<b<c, or the same read from the right."""
    if list(gold_signs) == list(answer_signs):
        return all_of(same(g, a) for g, a in zip(gold, answer, strict=True))
    if list(gold_signs) == [_FLIPPED.get(sign, sign) for sign in reversed(answer_signs)]:
        return all_of(same(g, a) for g, a in zip(gold, reversed(answer), strict=True))
    return False


def _join(sides: Sides, signs: Sides) -> str:
    spaced = [f"{sign} " if sign.startswith("\\") else sign for sign in signs]
    return "".join(side + sign for side, sign in zip(sides, [*spaced, ""], strict=True))


def as_interval(sides: Sides, signs: Sides) -> tuple[str, str]:
    """The interval that inequalities state, and of what: "-2\\le x<7" is "[-2,7)" of x; ("", "") where none."""
    if len(signs) == 1:
        left, sign, right = sides[0], signs[0], sides[1]
        if sign == r"\in":
            return (right, squeeze(left)) if not re.search(r"[0-9]", left) else ("", "")
        if _is_subject(right) and not _is_subject(left) and sign in _FLIPPED:
            left, sign, right = right, _FLIPPED[sign], left
        if size := _SIZE.fullmatch(left):
            closed = sign in (r"\le", r"\ge")
            if sign in ("<", r"\le"):
                return _size_interval(None, False, right, closed), size[1]
            return (_size_interval(right, closed, None, False), size[1]) if sign in (">", r"\ge") else ("", "")
        if not _is_subject(left) or letters(right) & letters(left):
            return "", ""
        intervals = {
            "<": rf"(-\infty,{right})",
            r"\le": rf"(-\infty,{right}]",
            ">": rf"({right},\infty)",
            r"\ge": rf"[{right},\infty)",
            r"\ne": rf"(-\infty,{right})\cup({right},\infty)",
        }
        return (intervals[sign], squeeze(left)) if sign in intervals else ("", "")
    if len(signs) == 2 and _is_subject(sides[1]):
        low, high = (sides[0], signs[0]), (sides[2], signs[1])
        if set(signs) <= {">", r"\ge"}:
            low, high = high, low
        elif not set(signs) <= {"<", r"\le"}:
            return "", ""
        if size := _SIZE.fullmatch(sides[1]):
            closed_at = [sign in (r"\le", r"\ge") for sign in (low[1], high[1])]
            return _size_interval(low[0], closed_at[0], high[0], closed_at[1]), size[1]
        left, right = "[" if low[1] in (r"\le", r"\ge") else "(", "]" if high[1] in (r"\le", r"\ge") else ")"
        return f"{left}{low[0]},{high[0]}{right}", squeeze(sides[1])
    return "", ""


def _size_interval(low: str | None, low_closed: bool, high: str | None, high_closed: bool) -> str:
    """The real numbers whose size lies between the bounds: "1<|x|\\le 2" is [-2,-1)\\cup(1,2]. "" where a bound is no
    plain number above zero."""
    for bound in (low, high):
        if bound is not None and ((number := read_number(bound)) is None or number.value <= 0):
            return ""
    near, far = ("[", "]") if low_closed else ("(", ")")
    opening, closing = ("[", "]") if high_closed else ("(", ")")
    if low is None:
        return f"{opening}-{high},{high}{closing}"
    if high is None:
        return rf"(-\infty,-{low}{far}\cup{near}{low},\infty)"
    return rf"{opening}-{high},-{low}{far}\cup{near}{low},{high}{closing}"


def _is_subject(side: str) -> bool:
    side = side.strip()
    if size := _SIZE.fullmatch(side):
        side = size[1]
    return (is_variable(side) and side not in _CONSTANTS) or bool(re.fullmatch(r"[a-zA-Z]\([a-z]\)", side))
