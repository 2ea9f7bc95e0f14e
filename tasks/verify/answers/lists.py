"""Lists, tuples, sets, intervals, unions, matrices and ratios against each other.

In:  same_lists(["-2", "1"], ["1", "-2"], same)     Out: True      (a list of solutions has no order)
In:  same_brackets(Bracket("(", ("3", "5"), ")"), Bracket("(", ("5", "3"), ")"), same)     Out: False

`same` compares two parts by the whole policy; None is what it gives where it cannot say.
"""

import re
from collections.abc import Sequence

from tasks.verify.answers.forms import Bracket, all_of, read_bracket, split_list, split_relation, split_union
from tasks.verify.answers.normal import squeeze
from tasks.verify.answers.numbers import Number, read_number, same_number
from tasks.verify.answers.relations import Same, is_variable

_LABEL = re.compile(r"«?([A-Z][a-z]{2,}(?: [A-Za-z]+){0,3}):»?(\S.*)")
VECTOR = "|"  # the bracket of a vector written as a matrix: it is no interval, whatever brackets the other side has


def same_lists(gold: Sequence[str], answer: Sequence[str], same: Same) -> bool | None:
    """One side at least is a list without brackets: its order counts only against a tuple."""
    if len(gold) == 1:
        return _one_and_many(gold[0], answer, same)
    if len(answer) == 1:
        return _one_and_many(answer[0], gold, lambda one, other: same(other, one))
    wanted, got = _by_label(gold), _by_label(answer)
    if wanted and got and wanted.keys() == got.keys():
        return all_of(same(value, got[label]) for label, value in wanted.items())
    if bool(wanted) != bool(got):  # "Minimum: 1, Maximum: 3" against "1, 3": the values in their order
        return _in_order([*wanted.values()] or gold, [*got.values()] or answer, same)
    if _names_apart(gold) != _names_apart(answer):  # "x=2,y=-3" against "2,-3": the values in their order
        return _in_order(gold, answer, same)
    return same_members(gold, answer, same)


def _by_label(items: Sequence[str]) -> dict[str, str]:
    """The values of items that all have a label of their own in words; {} where they have none."""
    found = [_LABEL.fullmatch(item) for item in items]
    by_label = {match[1].casefold(): match[2] for match in found if match}
    return by_label if len(by_label) == len(items) else {}


def _one_and_many(one: str, many: Sequence[str], same: Same) -> bool | None:
    """A tuple, a set or a union for a list without brackets: "(3,5)" for "3,5", a union for "x<1 or x>2"."""
    value = _value_of(one)
    if r"\pm" in value:
        return same_members([value], list(map(_value_of, many)), same)
    if len(split_union(value)) > 1:
        return same_members(split_union(value), many, same)
    bracket = read_bracket(value)
    if bracket and bracket.is_set:
        return same_members(bracket.items, many, same)
    if bracket and len(bracket.items) == len(many):
        return _in_order(bracket.items, [_value_of(item) for item in many], same)
    return same_members([one], many, same)


def _in_order(gold: Sequence[str], answer: Sequence[str], same: Same) -> bool | None:
    if len(gold) != len(answer):
        return False
    return all_of(same(g, a) for g, a in zip(gold, answer, strict=True))


def _names_apart(items: Sequence[str]) -> bool:
    """Whether each item has a name of its own."""
    names = [sides[0] for sides, signs in map(split_relation, items) if signs == ("=",)]
    return len(names) == len(items) == len(set(names)) and all(map(is_variable, names))


def _value_of(item: str) -> str:
    sides, signs = split_relation(item)
    return sides[-1] if signs and all(sign in ("=", r"\in") for sign in signs) else item


def same_members(gold: Sequence[str], answer: Sequence[str], same: Same) -> bool | None:
    """Set equality: each member of one is a member of the other; ± stands for two members."""
    gold, answer = expand(gold), expand(answer)
    in_order: list[bool | None] = []
    # In the same order first: cheap, and right for values without their names against values with them.
    if len(gold) == len(answer):
        for g, a in zip(gold, answer, strict=True):
            in_order.append(same(g, a))
            if in_order[-1] is False:
                break
        else:
            if all(in_order):
                return True
    matched: set[int] = set()
    possible: set[int] = set()
    unsure = False
    for row, wanted in enumerate(gold):
        # What was compared in order is not compared again: in nested sets that would double the work at every level.
        decisions = [
            in_order[row] if row == column < len(in_order) else same(wanted, got) for column, got in enumerate(answer)
        ]
        matched.update(position for position, decision in enumerate(decisions) if decision)
        possible.update(position for position, decision in enumerate(decisions) if decision is None)
        if not any(decisions):
            if None not in decisions:
                return False
            unsure = True
    if len(matched | possible) < len(answer):
        return False
    return None if unsure or len(matched) < len(answer) else True


def expand(items: Sequence[str]) -> list[str]:
    """Each item with ± as the two it stands for."""
    expanded: list[str] = []
    for item in items:
        if r"\pm" in item and len(split_list(item)) == 1:
            expanded.extend(re.sub(r"\\pm ?", sign, item) for sign in "+-")
        else:
            expanded.append(item)
    return expanded


def join_touching(members: Sequence[str]) -> tuple[str, ...]:
    """[-1,0)∪[0,2] as [-1,2]."""
    joined: list[str] = []
    for member in members:
        before, after = read_bracket(joined[-1]) if joined else None, read_bracket(member)
        if before and after and len(before.items) == len(after.items) == 2 and not before.is_set and not after.is_set:
            touching = squeeze(before.items[1]) == squeeze(after.items[0]) and before.right + after.left != ")("
            if touching:
                joined[-1] = f"{before.left}{before.items[0]},{after.items[1]}{after.right}"
                continue
        joined.append(member)
    return tuple(joined)


def same_brackets(gold: Bracket, answer: Bracket, same: Same) -> bool | None:
    """Tuples and intervals in order, with their brackets; sets without."""
    if gold.is_set and answer.is_set:
        return same_members(gold.items, answer.items, same)
    if len(gold.items) != len(answer.items):
        return False
    if not gold.is_set and not answer.is_set and len(gold.items) == 2:  # (3,5) as a pair or an interval; [3,5) is one
        ends = ((gold.left, answer.left), (gold.right, answer.right))
        for side, (wanted, got) in enumerate(ends):
            if VECTOR in (wanted, got):
                continue
            infinite = r"\infty" in gold.items[side] and r"\infty" in answer.items[side]
            if wanted != got and not infinite:
                return False
    return all_of(same(g, a) for g, a in zip(gold.items, answer.items, strict=True))


def as_vector(matrix: Sequence[Sequence[str]]) -> Bracket | None:
    """A matrix of one row or column as a tuple."""
    if len(matrix) == 1:
        return Bracket(VECTOR, tuple(matrix[0]), VECTOR)
    if all(len(row) == 1 for row in matrix):
        return Bracket(VECTOR, tuple(row[0] for row in matrix), VECTOR)
    return None


def same_matrices(gold: Sequence[Sequence[str]], answer: Sequence[Sequence[str]], same: Same) -> bool | None:
    """Cell by cell."""
    if [len(row) for row in gold] != [len(row) for row in answer]:
        return False
    rows = zip(gold, answer, strict=True)
    return all_of(same(g, a) for wanted, got in rows for g, a in zip(wanted, got, strict=True))


def same_ratios(gold: str, answer: str, same: Same) -> bool | None:
    """3:5 is 6:10 and 3/5; 1:2:3 is 2:4:6."""
    wanted, got = gold.split(":"), answer.split(":")
    left, right = [read_number(part) for part in wanted], [read_number(part) for part in got]
    if len(wanted) == len(got):
        pairs = [(g.value, a.value) for g, a in zip(left, right, strict=True) if g and a]
        if len(pairs) == len(wanted) and any(g for g, _ in pairs):
            scale = next((g, a) for g, a in pairs if g)
            return all(scale[0] * a == scale[1] * g for g, a in pairs) and scale[1] != 0
        return all_of(same(g, a) for g, a in zip(wanted, got, strict=True))
    parts, number = (left, right[0]) if len(got) == 1 else (right, left[0])
    if len(parts) != 2 or number is None or parts[0] is None or parts[1] is None or not parts[1].value:
        return False
    ratio = Number(parts[0].value / parts[1].value)
    return same_number(ratio, number) if parts is left else same_number(number, ratio)
