"""Whether an answer equals the reference, form by form (docs/verification.md is the policy).

In:  same_answer("\\{1\\pm\\sqrt{5},-2\\}", "-2,1+\\sqrt{5},1-\\sqrt{5}", leaf)
Out: True

The structure (choices, words, units, lists, relations) is taken apart here, in lists.py and in relations.py; what is
left are values, which the `leaf` compares: plain numbers on the fast path, SymPy expressions on the slow one.
Three-valued logic: a leaf that cannot say returns None, and None is what comes out wherever it matters.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial

from tasks.verify import words
from tasks.verify.forms import (
    THOUSANDS,
    read_bracket,
    read_matrix,
    read_nested,
    read_system,
    split_list,
    split_relation,
    split_union,
)
from tasks.verify.lists import (
    as_vector,
    expand,
    join_touching,
    same_brackets,
    same_lists,
    same_matrices,
    same_members,
    same_ratios,
)
from tasks.verify.normal import squeeze
from tasks.verify.numbers import Number, read_number, same_number
from tasks.verify.relations import as_interval, same_relation
from tasks.verify.units import Unit, read_compound, split_unit, unit_named

Leaf = Callable[[str, str], bool | None]

_TIME = re.compile(r"«?([0-9]{1,2}):([0-9]{2})\s*«?\s*([ap])?\.?\s*(?:m\.?)?\s*»?", re.IGNORECASE)
_RATIO = re.compile(r"[^:=<>]+(?::[^:=<>]+)+")
_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]+")
_TWO_UNITS = re.compile(r"[0-9] ?«? ?[A-Za-z]+[^0-9]*[0-9]")
_SET_BUILDER = re.compile(r"\\\{([A-Za-z])(?:\\in ?\\mathbb\{R\})?(?:\\mid ?|:|\|)(.*)\\\}")
_QUALIFIER = re.compile(
    r"(?<![,; ])[,; ]*+\(?[a-zA-Z](?:,[a-zA-Z])*(?:\\in ?\\mathbb\{[A-Z]\}|«(?:is )?an integer»)(?:\^\+)?\)?$|"
    r"(?<![,; ])[,; ]*+«?[ ,]*+(?<![A-Za-z\\])"
    r"(?:where|for|such that|whenever|if|when|with|provided|unless|otherwise)(?![A-Za-z])",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"(?<![A-Za-z])(?:if|when|whenever|otherwise|unless|provided)(?![A-Za-z])", re.IGNORECASE)


def plain_leaf(gold: str, answer: str) -> bool | None:
    """Plain numbers, exactly; None for anything else."""
    left, right = read_number(gold), read_number(answer)
    if left is not None and right is not None:
        return same_number(left, right)
    return True if squeeze(gold) == squeeze(answer) else None


def same_answer(gold: str, answer: str, leaf: Leaf) -> bool | None:
    """Whether a normalised answer equals a normalised reference; None where the leaves cannot say."""
    if not gold or not answer:
        return False
    if squeeze(gold) == squeeze(answer):
        return True
    left, right = read_number(gold), read_number(answer)
    if left is not None and right is not None:
        return _both_numbers(gold, answer, left, right, leaf)
    decided = _choices(gold, answer, leaf)
    if decided is not None:
        return decided
    decided = _qualified(gold, answer, leaf)
    if decided is not None:
        return decided
    decided = _words(gold, answer)
    if decided is not None:
        return decided
    return _with_units(gold, answer, leaf)


def _qualified(gold: str, answer: str, leaf: Leaf) -> bool | None:
    """ "f(x)=cx, where c is real": a qualification may be left off, unless it is a condition ("if", "otherwise")."""
    wanted, got = _QUALIFIER.search(gold), _QUALIFIER.search(answer)
    if not wanted and not got:
        return None
    if any(match and match.start() == 0 for match in (wanted, got)):
        return None
    heads = [text[: match.start()] if match else text for text, match in ((gold, wanted), (answer, got))]
    tails = [text[match.start() :] if match else "" for text, match in ((gold, wanted), (answer, got))]
    if not all(head.strip(" ,;«»") for head in heads):
        return None
    if wanted and got:
        if _tail_terms(tails[0]) != _tail_terms(tails[1]):
            return False
    elif _CONDITION.search(tails[0] + tails[1]):
        return False
    return same_answer(heads[0].rstrip(" ,;«"), heads[1].rstrip(" ,;«"), leaf)


def _tail_terms(tail: str) -> list[str]:
    """The variables and numbers of a qualification (its words do not count), or its formulas as they stand."""
    if re.search(r"[-+=<>^]|\\frac", tail):
        return [squeeze(re.sub(r"(?<![A-Za-z\\])[A-Za-z]{2,}|[«»,. ]", "", tail))]
    return re.findall(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])|[0-9]+", tail.replace(" a ", " "))


def _both_numbers(gold: str, answer: str, left: Number, right: Number, leaf: Leaf) -> bool | None:
    return leaf(gold, answer) if not (left.base or right.base) else same_number(left, right)


def _choices(gold: str, answer: str, leaf: Leaf) -> bool | None:
    wanted, got = words.read_choice(gold), words.read_choice(answer)
    for choice, other in ((got, gold), (wanted, answer)):
        if choice and not choice.text and (letter := words.leading_letter(other)):
            return letter == choice.letter
    if wanted and got:
        return wanted.letter == got.letter and _same_option(wanted.text, got.text, leaf)
    if wanted and not wanted.text:
        several = words.read_letters(answer)
        if several or read_number(answer) is not None:
            return several == wanted.letter
        return _bare_letter(wanted.letter, answer)
    if wanted:
        return same_answer(wanted.text, answer, leaf)
    if got and got.text:
        return same_answer(gold, got.text, leaf)
    several = words.read_letters(gold)
    if several:
        return several == words.read_letters(answer) or None
    return None


def _same_option(gold: str, answer: str, leaf: Leaf) -> bool | None:
    """The letter decides; an option's text may be left off or reworded, but may not be another value."""
    if not gold or not answer or words.is_prose(gold) or words.is_prose(answer):
        return True
    return same_answer(gold, answer, leaf)


def _bare_letter(letter: str, answer: str) -> bool | None:
    if answer.upper() == letter or squeeze(answer) in (f"({letter.lower()})", f"«{letter}»"):
        return True
    return False if words.is_prose(answer) else None


def _words(gold: str, answer: str) -> bool | None:
    wanted, got = words.read_words(gold), words.read_words(answer)
    if wanted is not None and got is not None and words.same_words(wanted, got):
        return True
    if wanted in ("none", "undefined", "yes", "no") or (words.is_prose(gold) and got is None):
        if wanted == "reals" or read_number(gold) is not None:
            return None
        return False if not _name_only(gold) or not _name_only(answer) else None
    if words.is_prose(answer) and got not in ("infinity", "reals") and read_number(gold) is not None:
        return False
    if words.is_prose(gold) and words.is_prose(answer) and not _is_list(gold):
        return False
    return None


def _name_only(text: str) -> bool:
    return bool(re.fullmatch(r"[«»A-Za-z]{1,8}", text))


def _is_list(text: str) -> bool:
    return len(split_list(text)) > 1


def _with_units(gold: str, answer: str, leaf: Leaf) -> bool | None:
    for one, other in ((gold, answer), (answer, gold)):
        if _TWO_UNITS.search(one) and (quantity := read_compound(one)):
            return _same_quantity(quantity, other)
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
        if r"^\circ" in (wanted[1], got[1]) and _not_an_angle(wanted[1]) != _not_an_angle(got[1]):
            return False
        if left and right and left != right:
            if left.measure != right.measure:
                return False
            numbers = read_number(wanted[0]), read_number(got[0])
            if numbers[0] is None or numbers[1] is None:
                return False
            return numbers[0].value * left.scale == numbers[1].value * right.scale
    for (core, unit), other in ((wanted, answer), (got, gold)):
        if unit is not None and other.endswith("%") and "%" not in core:
            return False  # "60 inches" is not "60%"
        if unit == r"^\circ" and r"\pi" in other and r"\pi" not in core:
            radians = rf"\frac{{{core}\pi}}{{180}}"
            return leaf(radians, other) if other == answer else leaf(other, radians)
    if wanted[0] != gold or got[0] != answer:
        return _structured(wanted[0], got[0], leaf, units_off=True)
    return _structured(gold, answer, leaf)


def _same_quantity(quantity: tuple[Fraction, Unit, tuple[Unit, ...]], other: str) -> bool:
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


def _not_an_angle(unit: str) -> bool:
    return unit != r"^\circ" and not re.match(r"deg|unit|[cf]$|celsius|fahrenheit", unit)


def _exponent(unit: str) -> str:
    if match := re.search(r"\^([0-9-]+)$", unit):
        return match[1]
    return "2" if re.match(r"(?:square|sq)\b", unit) else "3" if re.match(r"(?:cubic|cu)\b", unit) else "1"


def _structured(gold: str, answer: str, leaf: Leaf, units_off: bool = False) -> bool | None:
    same = partial(same_answer, leaf=leaf)
    if units_off:
        if squeeze(gold) == squeeze(answer):
            return True
        left, right = read_number(gold), read_number(answer)
        if left is not None and right is not None:
            return _both_numbers(gold, answer, left, right, leaf)
    for one, other in ((gold, answer), (answer, gold)):
        if _DECIMAL_COMMA.fullmatch(one) and one.replace(",", ".") == other:
            return True
    if _TIME.fullmatch(gold) and _TIME.fullmatch(answer):
        return _same_time(gold, answer)
    gold_items, answer_items = read_system(gold) or split_list(gold), read_system(answer) or split_list(answer)
    if len(gold_items) > 1 or len(answer_items) > 1:
        for text, items in ((gold, answer_items), (answer, gold_items)):
            if THOUSANDS.fullmatch(text) and "," in text:  # "122,182" against "182, 122" is a list as well
                return sorted(text.split(",")) == sorted(items)
        return same_lists(gold_items, answer_items, same)
    gold_sides, gold_signs = split_relation(gold)
    answer_sides, answer_signs = split_relation(answer)
    if gold_signs or answer_signs:
        return same_relation(gold_sides, gold_signs, answer_sides, answer_signs, same, leaf)
    return _values(_set_builder(gold), _set_builder(answer), same, leaf)


def _same_time(gold: str, answer: str) -> bool:
    left, right = _TIME.fullmatch(gold), _TIME.fullmatch(answer)
    assert left and right
    if (int(left[1]), left[2]) != (int(right[1]), right[2]):
        return False
    return not left[3] or not right[3] or left[3].lower() == right[3].lower()


def _set_builder(text: str) -> str:
    """\\{x : x>2\\} and \\{x\\in\\mathbb{R}\\mid x>2\\} are the interval of their condition."""
    match = _SET_BUILDER.fullmatch(text)
    return (as_interval(*split_relation(match[2]))[0] or text) if match else text


def _values(gold: str, answer: str, same: Leaf, leaf: Leaf) -> bool | None:
    if r"\pm" in gold or r"\pm" in answer:
        return _with_signs(gold, answer, same)
    gold_union, answer_union = split_union(gold), split_union(answer)
    if len(gold_union) > 1 or len(answer_union) > 1:
        gold_union, answer_union = join_touching(gold_union), join_touching(answer_union)
        decided = same_members(gold_union, answer_union, same)
        if all(map(read_bracket, (*gold_union, *answer_union))):
            return decided
        return decided if decided or len(gold_union) == len(answer_union) else leaf(gold, answer)
    gold_matrix, answer_matrix = read_matrix(gold), read_matrix(answer)
    if gold_matrix and answer_matrix:
        return same_matrices(gold_matrix, answer_matrix, same)
    if gold_matrix and (nested := read_nested(answer)):
        return same_matrices(gold_matrix, nested, same)
    if answer_matrix and (nested := read_nested(gold)):
        return same_matrices(nested, answer_matrix, same)
    gold_bracket = as_vector(gold_matrix) if gold_matrix else read_bracket(gold)
    answer_bracket = as_vector(answer_matrix) if answer_matrix else read_bracket(answer)
    if gold_bracket and answer_bracket:
        if len(gold_bracket.items) == len(answer_bracket.items) == 1 and not gold_bracket.is_set:
            return same(gold_bracket.items[0], answer_bracket.items[0])
        return same_brackets(gold_bracket, answer_bracket, same)
    if gold_bracket:
        return same(gold_bracket.items[0], answer) if len(gold_bracket.items) == 1 else False
    if answer_bracket:
        return same(gold, answer_bracket.items[0]) if len(answer_bracket.items) == 1 else False
    if _RATIO.fullmatch(gold) or _RATIO.fullmatch(answer):
        return same_ratios(gold, answer, same)
    return leaf(gold, answer)


def _with_signs(gold: str, answer: str, same: Leaf) -> bool | None:
    """± stands for two values, in a set or alone."""
    members = []
    for text in (gold, answer):
        bracket = read_bracket(text)
        if bracket is None and r"\pm" not in text:
            return False  # one value for two
        members.append(expand(bracket.items if bracket and bracket.is_set else [text]))
    return same_members(members[0], members[1], same)
