"""Whether an answer equals the reference, form by form (docs/verification.md is the policy).

In:  same_answer("\\{1\\pm\\sqrt{5},-2\\}", "-2,1+\\sqrt{5},1-\\sqrt{5}", leaf)
Out: True

The structure (choices, words, units, lists, relations) is taken apart here, in lists.py and in relations.py; what is
left are values, which the `leaf` compares: plain numbers on the fast path, SymPy expressions on the slow one.
Three-valued logic: a leaf that cannot say returns None, and None is what comes out wherever it matters.
"""

import re
from functools import partial

from tasks.verify.answers import words
from tasks.verify.answers.budget import Leaf, Spender
from tasks.verify.answers.forms import (
    THOUSANDS,
    read_bracket,
    read_matrix,
    read_nested,
    read_system,
    split_list,
    split_relation,
    split_union,
)
from tasks.verify.answers.lists import (
    as_vector,
    expand,
    join_touching,
    same_brackets,
    same_lists,
    same_matrices,
    same_members,
    same_ratios,
)
from tasks.verify.answers.normal import squeeze
from tasks.verify.answers.numbers import Number, read_number, same_number
from tasks.verify.answers.qualification import with_parameter_of, without_qualification
from tasks.verify.answers.quantities import same_quantity
from tasks.verify.answers.ranges import same_range
from tasks.verify.answers.relations import as_interval, same_relation
from tasks.verify.answers.units import split_unit

_RATIO = re.compile(r"[^:=<>]+(?::[^:=<>]+)+")
_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]+")
# A reference is more often a list than a decimal of another country: "3,5" are two solutions, "1,22" is 1.22.
_LONG_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]{2,}")
_SET_BUILDER = re.compile(r"\\\{([A-Za-z])(?:\\in ?\\mathbb\{R\})?(?:\\mid ?|:|\|)(.*)\\\}")


def plain_leaf(gold: str, answer: str) -> bool | None:
    """Plain numbers, exactly; None for anything else."""
    left, right = read_number(gold), read_number(answer)
    if left is not None and right is not None:
        return same_number(left, right)
    return True if squeeze(gold) == squeeze(answer) else None


def same_answer(gold: str, answer: str, leaf: Leaf) -> bool | None:
    """Whether a normalised answer equals a normalised reference; None where the leaves cannot say.

    Raises TooManyComparisons where the two are nested so that comparing their parts would not end soon."""
    return _same(gold, answer, Spender(leaf))


def _same(gold: str, answer: str, leaf: Spender, choices: bool = True) -> bool | None:
    """The policy for a pair or for a part of one. `choices` False: its letter is read already, "(A) (B)" has one."""
    leaf.spend(gold, answer)
    if not gold or not answer:
        return False
    if squeeze(gold).strip("«»") == squeeze(answer).strip("«»"):  # \text{VW} is VW
        return True
    left, right = read_number(gold), read_number(answer)
    if left is not None and right is not None:
        return _both_numbers(gold, answer, left, right, leaf)
    decided = _choices(gold, answer, leaf) if choices else None
    if decided is not None:
        return decided
    if (renamed := with_parameter_of(gold, answer)) != answer:
        return _same(gold, renamed, leaf)
    heads = without_qualification(gold, answer)
    if heads is False:
        return False
    if heads:
        return _same(*heads, leaf)
    decided = _words(gold, answer)
    if decided is not None:
        return decided
    return _with_units(gold, answer, leaf)


def _both_numbers(gold: str, answer: str, left: Number, right: Number, leaf: Leaf) -> bool | None:
    return leaf(gold, answer) if not (left.base or right.base) else same_number(left, right)


def _choices(gold: str, answer: str, leaf: Spender) -> bool | None:
    wanted, got = words.read_choice(gold), words.read_choice(answer)
    letters = words.read_letters(gold), words.read_letters(answer)
    several = words.read_options(gold), words.read_options(answer)
    if several[0] or several[1]:
        chosen = [
            options or named or (choice.letter if choice else None)
            for options, named, choice in zip(several, letters, (wanted, got), strict=True)
        ]
        if None not in chosen:  # both several: their options are compared as lists are
            return False if chosen[0] != chosen[1] else None if several[0] and several[1] else True
    if letters[0] and (letters[1] or (got and not got.text)):
        return letters[0] == letters[1]
    for choice, other in ((got, gold), (wanted, answer)):
        if choice and not choice.text and (letter := words.leading_letter(other)):
            return letter == choice.letter
    if wanted and got:
        return wanted.letter == got.letter and _same_option(wanted.text, got.text, leaf)
    if wanted and wanted.text:
        return _same(wanted.text, answer, leaf, choices=False)
    if got and got.text:
        return _same(gold, got.text, leaf, choices=False)
    return None


def _same_option(gold: str, answer: str, leaf: Spender) -> bool | None:
    """The letter decides; an option's text may be left off or reworded, but may not be another value."""
    if not gold or not answer or words.is_prose(gold) or words.is_prose(answer):
        return True
    return _same(gold, answer, leaf, choices=False)


def _words(gold: str, answer: str) -> bool | None:
    wanted, got = words.read_words(gold), words.read_words(answer)
    if wanted is not None and got is not None and words.same_words(wanted, got):
        return True
    if words.is_prose(answer) and got not in ("infinity", "reals") and read_number(gold) is not None:
        return False
    if words.is_prose(gold) and words.is_prose(answer) and not _is_list(gold):
        return False
    return None


def _is_list(text: str) -> bool:
    return len(split_list(text)) > 1


def _with_units(gold: str, answer: str, leaf: Spender) -> bool | None:
    wanted, got = split_unit(gold), split_unit(answer)
    decided = same_quantity(gold, answer)
    if decided is not None:
        return decided
    if r"\circ" in gold + answer and (_is_list(gold) or _is_list(answer)):
        return _structured(gold, answer, leaf)
    if wanted[1] == r"^\circ" and r"\pi" in answer and r"\pi" not in wanted[0]:
        return _structured(_radians(wanted[0]), answer, leaf)
    if got[1] == r"^\circ" and r"\pi" in gold and r"\pi" not in got[0]:
        return _structured(gold, _radians(got[0]), leaf)
    return _structured(wanted[0], got[0], leaf)


def _radians(degrees: str) -> str:
    """ "C=120" is C=\\frac{120\\pi}{180}."""
    sides, signs = split_relation(degrees)
    return "".join(map("".join, zip(sides[:-1], signs, strict=True))) + rf"\frac{{{sides[-1]}\pi}}{{180}}"


def _structured(gold: str, answer: str, leaf: Spender) -> bool | None:
    same = partial(_same, leaf=leaf)
    for one, other, pattern in ((gold, answer, _LONG_DECIMAL_COMMA), (answer, gold, _DECIMAL_COMMA)):
        if pattern.fullmatch(one) and one.replace(",", ".") == other:
            return True
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


def _set_builder(text: str) -> str:
    """\\{x : x>2\\} and \\{x\\in\\mathbb{R}\\mid x>2\\} are the interval of their condition."""
    match = _SET_BUILDER.fullmatch(text)
    return (as_interval(*split_relation(match[2]))[0] or text) if match else text


def _values(gold: str, answer: str, same: Leaf, leaf: Leaf) -> bool | None:
    if (in_order := same_range(gold, answer)) is not None:
        return in_order
    if r"\pm" in gold or r"\pm" in answer:
        return _with_signs(gold, answer, same)
    gold_union, answer_union = split_union(gold), split_union(answer)
    if len(gold_union) > 1 or len(answer_union) > 1:
        gold_union, answer_union = join_touching(gold_union), join_touching(answer_union)
        return same_members(gold_union, answer_union, same)
    gold_matrix, answer_matrix = read_matrix(gold), read_matrix(answer)
    if gold_matrix and answer_matrix:
        return same_matrices(gold_matrix, answer_matrix, same)
    if gold_matrix and (nested := read_nested(answer)):
        return same_matrices(gold_matrix, nested, same)
    if answer_matrix and (nested := read_nested(gold)):
        return same_matrices(nested, answer_matrix, same)
    gold_bracket = as_vector(gold_matrix) if gold_matrix else read_bracket(gold)
    answer_bracket = as_vector(answer_matrix) if answer_matrix else read_bracket(answer)
    if r"\begin" in gold + answer and not (gold_matrix and answer_matrix) and not (gold_bracket and answer_bracket):
        return leaf(gold, answer)  # "\frac{1}{3}" times a matrix
    if gold_bracket and answer_bracket:
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
        members.append(expand(bracket.items if bracket and bracket.is_set else [text]))
    return same_members(members[0], members[1], same)
