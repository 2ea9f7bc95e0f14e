"""Whether an answer equals the reference, form by form (docs/verification.md is the policy).

In:  same_answer("\\{1\\pm\\sqrt{5},-2\\}", "-2, 1+\\sqrt5, 1-\\sqrt5", leaf)
Out: True

The structure (lists, tuples, intervals, equations, units) is taken apart here; what is left are values, which the
`leaf` compares: plain numbers on the fast path, SymPy expressions on the slow one. Three-valued logic: a leaf that
cannot say returns None, and None is what comes out wherever it matters.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from tasks.verify import words
from tasks.verify.forms import THOUSANDS, Bracket, read_bracket, read_matrix, split_list, split_relation, split_union
from tasks.verify.normal import squeeze
from tasks.verify.numbers import Number, read_number, same_number
from tasks.verify.units import split_unit, unit_named

Leaf = Callable[[str, str], bool | None]
MAX_ITEMS = 200

_TIME = re.compile(r"«?([0-9]{1,2}):([0-9]{2})\s*«?\s*([ap])?\.?\s*(?:m\.?)?\s*»?", re.IGNORECASE)
_RATIO = re.compile(r"[^:=<>]+(?::[^:=<>]+)+")
_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]+")
_FLIPPED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
_QUALIFIER = re.compile(
    r"[,; ]*\(?[a-zA-Z](?:,[a-zA-Z])*(?:\\in ?\\mathbb\{[A-Z]\}|«(?:is )?an integer»)(?:\^\+)?\)?$|"
    r"[,; ]*«?[ ,]*(?<![A-Za-z\\])(?:where|for|such that|whenever|if|when|with|provided|unless|otherwise)(?![A-Za-z])",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"(?<![A-Za-z])(?:if|when|whenever|otherwise|unless|provided)(?![A-Za-z])", re.IGNORECASE)
_FUNCTION = re.compile(r"([A-Za-z](?:_\{?\w+\}?)?'*)\(([^()]*)\)")
_KINDS = (
    ("variable", re.compile(r"\\?[A-Za-z]+(?:_\{?\w+\}?)?'*")),
    ("size", re.compile(r"\|.*\|")),
    ("tuple", re.compile(r"\(.*\)")),
)
_NAME = re.compile(
    r"(?:\\?[A-Za-z]+(?:_\{?[^{}=]*\}?)?'*(?:\^\{?-1\}?)?(?:\([^()=]*\))?|«[^«»]*»|\|[A-Za-z]+\||\([A-Za-z](?:_\{?\w+\}?)?(?:,[A-Za-z](?:_\{?\w+\}?)?)*\)"
    r"|\\(?:angle|triangle|overline|widehat|overrightarrow|arg|det|operatorname) ?\{?[A-Za-z ]+\}?|\\frac\{[A-Z]{1,3}\}\{[A-Z]{1,3}\}|[A-Z][A-Za-z0-9_{}]*:[A-Z][A-Za-z0-9_{}]*"
    r"|P\([^()]*\)|\\mathbf\{?[a-z]\}?|\|[^|=]*[A-Za-z][^|=]*\|)"
)


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
    return same_answer(*(head.rstrip(" ,;«") for head in heads), leaf)


def _tail_terms(tail: str) -> list[str]:
    """The variables and numbers of a qualification (its words do not count), or its formulas as they stand."""
    if re.search(r"[-+=<>^]|\\frac", tail):
        return [squeeze(re.sub(r"(?<![A-Za-z\\])[A-Za-z]{2,}|[«»,. ]", "", tail))]
    return re.findall(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])|[0-9]+", tail.replace(" a ", " "))


def _both_numbers(gold: str, answer: str, left: Number, right: Number, leaf: Leaf) -> bool | None:
    return leaf(gold, answer) if not (left.base or right.base) else same_number(left, right)


def _choices(gold: str, answer: str, leaf: Leaf) -> bool | None:
    wanted, got = words.read_choice(gold), words.read_choice(answer)
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
    if words.is_prose(gold) and words.is_prose(answer) and not _is_list(gold):
        return False
    return None


def _name_only(text: str) -> bool:
    return bool(re.fullmatch(r"[«»A-Za-z]{1,8}", text))


def _is_list(text: str) -> bool:
    return len(split_list(text)) > 1


def _with_units(gold: str, answer: str, leaf: Leaf) -> bool | None:
    wanted, got = split_unit(gold), split_unit(answer)
    if wanted[1] is not None and got[1] is not None:
        left, right = unit_named(wanted[1]), unit_named(got[1])
        if _exponent(wanted[1]) != _exponent(got[1]):
            return False
        if left and right and left != right:
            if left.measure != right.measure:
                return False
            numbers = read_number(wanted[0]), read_number(got[0])
            if numbers[0] is None or numbers[1] is None:
                return False
            return numbers[0].value * left.scale == numbers[1].value * right.scale
    for (core, unit), other in ((wanted, answer), (got, gold)):
        if unit == r"^\circ" and r"\pi" in other and r"\pi" not in core:
            radians = rf"\frac{{{core}\pi}}{{180}}"
            return leaf(radians, other) if other == answer else leaf(other, radians)
    if wanted[0] != gold or got[0] != answer:
        return _structured(wanted[0], got[0], leaf, units_off=True)
    return _structured(gold, answer, leaf)


def _exponent(unit: str) -> str:
    if match := re.search(r"\^([0-9-]+)$", unit):
        return match[1]
    return "2" if re.match(r"(?:square|sq)\b", unit) else "3" if re.match(r"(?:cubic|cu)\b", unit) else "1"


def _structured(gold: str, answer: str, leaf: Leaf, units_off: bool = False) -> bool | None:
    if units_off:
        if squeeze(gold) == squeeze(answer):
            return True
        left, right = read_number(gold), read_number(answer)
        if left is not None and right is not None:
            return _both_numbers(gold, answer, left, right, leaf)
    if _DECIMAL_COMMA.fullmatch(gold) and gold.replace(",", ".") == answer:
        return True
    if _DECIMAL_COMMA.fullmatch(answer) and answer.replace(",", ".") == gold:
        return True
    if _TIME.fullmatch(gold) and _TIME.fullmatch(answer):
        return _same_time(gold, answer)
    gold_items, answer_items = split_list(gold), split_list(answer)
    if len(gold_items) > 1 or len(answer_items) > 1:
        gold_items = tuple(gold.split(",")) if THOUSANDS.fullmatch(gold) and "," in gold else gold_items
        answer_items = tuple(answer.split(",")) if THOUSANDS.fullmatch(answer) and "," in answer else answer_items
        return _lists(gold, answer, gold_items, answer_items, leaf)
    gold_sides, gold_signs = split_relation(gold)
    answer_sides, answer_signs = split_relation(answer)
    if gold_signs or answer_signs:
        return _relations(gold_sides, gold_signs, answer_sides, answer_signs, leaf)
    return _values(gold, answer, leaf)


def _same_time(gold: str, answer: str) -> bool:
    left, right = _TIME.fullmatch(gold), _TIME.fullmatch(answer)
    assert left and right
    if (int(left[1]), left[2]) != (int(right[1]), right[2]):
        return False
    return not left[3] or not right[3] or left[3].lower() == right[3].lower()


# Lists, tuples, sets and intervals -------------------------------------------------------------------------------


def _lists(gold: str, answer: str, gold_items: Sequence[str], answer_items: Sequence[str], leaf: Leaf) -> bool | None:
    """At least one side is a list without brackets: order does not count, except against a tuple and with an ellipsis."""
    head, gold_items = _shared_name(gold_items)
    other, answer_items = _shared_name(answer_items)
    if head and other and squeeze(head) != squeeze(other) and _is_variable(head) and _is_variable(other):
        return False
    for one, many in ((gold_items, answer_items), (answer_items, gold_items)):
        if len(one) == 1:
            value = _value_of(one[0])
            if len(split_union(value)) > 1:  # x<1 or x>2 is a union
                return _same_members(
                    *((split_union(value), many) if one is gold_items else (many, split_union(value))), leaf
                )
            bracket = read_bracket(value)
            names = split_relation(one[0])[0][0] if split_relation(one[0])[1] else ""
            if bracket and len(bracket.items) == len(many) and not bracket.is_set:
                if all(read_bracket(item) for item in many):
                    return False
                values = (
                    [_value_of(item) for item in many]
                    if names or not split_relation(many[0])[1]
                    else list(map(_value_of, many))
                )
                pairs = (
                    zip(bracket.items, values, strict=True)
                    if one is gold_items
                    else zip(values, bracket.items, strict=True)
                )
                return _all(same_answer(g, a, leaf) for g, a in pairs)
            if bracket and bracket.is_set:
                if one is gold_items:
                    gold_items = bracket.items
                else:
                    answer_items = bracket.items
    if _has_ellipsis(gold_items) or _has_ellipsis(answer_items):
        if len(gold_items) != len(answer_items):
            return False
        return _all(
            _is_ellipsis(g) and _is_ellipsis(a) if _is_ellipsis(g) or _is_ellipsis(a) else same_answer(g, a, leaf)
            for g, a in zip(gold_items, answer_items, strict=True)
        )
    return _same_members(gold_items, answer_items, leaf)


def _shared_name(items: Sequence[str]) -> tuple[str, Sequence[str]]:
    """ "n=1,2,3" is one name and three values."""
    sides, signs = split_relation(items[0])
    if (
        len(signs) == 1
        and signs[0] in ("=", r"\in")
        and len(items) > 1
        and not any(split_relation(i)[1] for i in items[1:])
    ):
        return sides[0], (sides[1], *items[1:])
    return "", items


def _value_of(item: str) -> str:
    sides, signs = split_relation(item)
    return sides[-1] if signs and all(sign in ("=", r"\in") for sign in signs) else item


def _has_ellipsis(items: Iterable[str]) -> bool:
    return any(_is_ellipsis(item) for item in items)


def _is_ellipsis(item: str) -> bool:
    return squeeze(item) in (r"\ldots", "...", "..") or item.strip(" .") in (r"\ldots", "")


def _same_members(gold: Sequence[str], answer: Sequence[str], leaf: Leaf) -> bool | None:
    """Set equality: each member of one is a member of the other; ± stands for two members."""
    gold, answer = _expand(gold), _expand(answer)
    if len(gold) > MAX_ITEMS or len(answer) > MAX_ITEMS:
        return None
    if len(gold) == len(answer):  # in the same order first: cheap, and right for named values without their names
        in_order = _all(_item(g, a, leaf) for g, a in zip(gold, answer, strict=True))
        if in_order:
            return True
    matched: set[int] = set()
    unsure = False
    for wanted in gold:
        found: bool | None = False
        for position, got in enumerate(answer):
            same = _item(wanted, got, leaf, by_name=True)
            if same:
                matched.add(position)
                found = True
            elif same is None and found is False:
                found = None
        if found is False:
            return False
        unsure = unsure or found is None
    if unsure:
        return None
    return len(matched) == len(answer)


def _item(gold: str, answer: str, leaf: Leaf, by_name: bool = False) -> bool | None:
    """One member against another. Out of order, "x=1" is not a bare "1" of another name."""
    return same_answer(gold, answer, leaf)


def _expand(items: Sequence[str]) -> list[str]:
    expanded: list[str] = []
    for item in items:
        if r"\pm" in item and not split_list(item)[1:]:
            for sign, other in (("+", "-"), ("-", "+")):
                variant = re.sub(r"\\pm ?", sign, re.sub(r"\\mp ?", other, item))
                expanded.append(re.sub(r"(^|[=(,{])\+", r"\1", variant))
        else:
            expanded.append(item)
    return expanded


def _brackets(gold: Bracket, answer: Bracket, leaf: Leaf) -> bool | None:
    if gold.is_set and answer.is_set:
        return (
            _same_members(gold.items, answer.items, leaf) if gold.items and answer.items else gold.items == answer.items
        )
    if gold.is_set or answer.is_set:  # ${1,3}$ for (1,3): accepted in the same order only
        if len(gold.items) != len(answer.items):
            return False
        return _all(same_answer(g, a, leaf) for g, a in zip(gold.items, answer.items, strict=True))
    if len(gold.items) != len(answer.items):
        return False
    if (len(gold.items) == 2 and "[" in gold.left + answer.left) or "]" in gold.right + answer.right:
        for side, (g, a) in enumerate(((gold.left, answer.left), (gold.right, answer.right))):
            infinite = r"\infty" in gold.items[side] and r"\infty" in answer.items[side]
            vector = {gold.left + gold.right, answer.left + answer.right} == {"()", "[]"} and len(gold.items) != 2
            if g != a and not infinite and not vector:
                return False
    return _all(same_answer(g, a, leaf) for g, a in zip(gold.items, answer.items, strict=True))


# Relations -------------------------------------------------------------------------------------------------------


def _is_name(side: str) -> bool:
    return bool(_NAME.fullmatch(side.strip())) and read_number(side) is None


def _is_variable(side: str) -> bool:
    return (
        bool(re.fullmatch(r"\\?[A-Za-z]+(?:_\{?\w+\}?)?", side.strip())) and len(re.sub(r"\\[a-z]+|_.*", "", side)) <= 1
    )


def _value(sides: Sequence[str], signs: Sequence[str]) -> str:
    """The last exact side of a chain: "x=5+6=11" is 11, "x=1/3\\approx0.33" is 1/3."""
    sides = list(sides)
    kept = list(signs)
    while len(kept) > 1 and kept[-1] == r"\approx":
        kept.pop()
        sides.pop()
    return sides[-1]


def _relations(
    gold: Sequence[str], gold_signs: Sequence[str], answer: Sequence[str], answer_signs: Sequence[str], leaf: Leaf
) -> bool | None:
    equalities = ("=", r"\approx", r"\in", r"\equiv", r"\to")
    gold_equal = bool(gold_signs) and all(sign in equalities for sign in gold_signs)
    answer_equal = bool(answer_signs) and all(sign in equalities for sign in answer_signs)
    if gold_equal and not gold[0]:  # "= 5"
        return same_answer(_value(gold, gold_signs), _join(answer, answer_signs), leaf)
    if answer_equal and not answer[0]:
        return same_answer(_join(gold, gold_signs), _value(answer, answer_signs), leaf)
    if gold_equal and answer_equal:
        return _equations(gold, gold_signs, answer, answer_signs, leaf)
    if gold_equal and not answer_signs:
        if _is_name(gold[0]) or _named(gold):
            return same_answer(_value(gold, gold_signs), answer[0], leaf)
        return _approximated(gold, gold_signs, answer[0], leaf)
    if answer_equal and not gold_signs:
        if _is_name(answer[0]) or _named(answer) or not re.search(r"(?<![_^{0-9])[0-9]", answer[0]):
            return same_answer(gold[0], _value(answer, answer_signs), leaf)
        return _approximated(answer, answer_signs, gold[0], leaf)
    wanted, subject = _interval(gold, gold_signs)
    got, other = _interval(answer, answer_signs)
    if subject and other and subject.lower() != other.lower():
        return False
    if (wanted or not gold_signs) and (got or not answer_signs):
        return _values(wanted or gold[0], got or answer[0], leaf)
    if len(gold_signs) == len(answer_signs) > 1:
        return _chains(gold, gold_signs, answer, answer_signs, leaf)
    if gold_signs and answer_signs:
        return leaf(_join(gold, gold_signs), _join(answer, answer_signs))
    return False


def _named(sides: Sequence[str]) -> bool:
    """Several sides with a name among the first: "1=\\zeta=x=0" is 0."""
    return len(sides) > 2 and any(_is_name(side) for side in sides[:-1])


def _approximated(sides: Sequence[str], signs: Sequence[str], other: str, leaf: Leaf) -> bool | None:
    """ "11/3\\approx3.67" and "1+2=3" against a value: each side is that value, the exact one decides."""
    if re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", "".join(sides))) and r"\approx" not in signs:
        return False
    exact = sides[0] if r"\approx" in signs else sides[-1]
    return same_answer(exact, other, leaf)


def _equations(
    gold: Sequence[str], gold_signs: Sequence[str], answer: Sequence[str], answer_signs: Sequence[str], leaf: Leaf
) -> bool | None:
    gold_value, answer_value = _value(gold, gold_signs), _value(answer, answer_signs)
    if _is_name(gold[0]) and _is_name(answer[0]):
        renamed = _in_the_same_terms(gold[0], answer[0], answer_value)
        same = False if renamed is None else same_answer(gold_value, renamed, leaf)
        if same is not False or squeeze(gold[0]) == squeeze(answer[0]):
            return same
        if renamed is None and (read_number(gold_value) is not None or read_number(answer_value) is not None):
            return False
    if len(gold) == 2 and len(answer) == 2:
        same_sides = _all([same_answer(gold[0], answer[0], leaf), same_answer(gold[1], answer[1], leaf)])
        if same_sides:
            return True
        return leaf(_join(gold, gold_signs), _join(answer, answer_signs))
    return same_answer(gold_value, answer_value, leaf)


def _in_the_same_terms(gold: str, answer: str, value: str) -> str | None:
    """The value named `answer` in the terms of the name `gold`: f(t)=2t is f(x)=2x. None where the names are of one
    kind but not the same ("x=5" for "y=5"); names of two kinds ("y" and "f(x)", "Area" and "A") go together."""
    gold, answer = squeeze(gold), squeeze(answer)
    if gold == answer:
        return value
    left, right = _FUNCTION.fullmatch(gold), _FUNCTION.fullmatch(answer)
    if left and right:
        if len(left[2]) > 1 or len(right[2]) > 1 or not left[2].isalpha() or not right[2].isalpha():
            return None
        if left[1] != right[1] or (left[2] != right[2] and left[2] in _letters(value)):
            return None
        if right[2] not in _letters(value) and left[2] != right[2] and _letters(value):
            return None
        return re.sub(rf"(?<![A-Za-z\\]){right[2]}(?![A-Za-z])", left[2], value)
    kinds = [next((kind for kind, pattern in _KINDS if pattern.fullmatch(name)), "words") for name in (gold, answer)]
    return None if kinds[0] == kinds[1] and kinds[0] != "words" else value


def _chains(
    gold: Sequence[str], gold_signs: Sequence[str], answer: Sequence[str], answer_signs: Sequence[str], leaf: Leaf
) -> bool | None:
    """a<b<c against a<b<c, or the same read from the right."""
    if list(gold_signs) == list(answer_signs):
        same = _all(same_answer(g, a, leaf) for g, a in zip(gold, answer, strict=True))
        if same is not False:
            return same
    mirrored = [_FLIPPED.get(sign, sign) for sign in reversed(answer_signs)]
    if list(gold_signs) == mirrored:
        return _all(same_answer(g, a, leaf) for g, a in zip(gold, reversed(answer), strict=True))
    return False


def _join(sides: Sequence[str], signs: Sequence[str]) -> str:
    return (
        "".join(
            f"{side}{sign} " if sign.startswith("\\") else f"{side}{sign}"
            for side, sign in zip(sides, signs, strict=False)
        )
        + sides[-1]
    )


def _interval(sides: Sequence[str], signs: Sequence[str]) -> tuple[str, str]:
    """The interval that inequalities state and of what: "-2\\le x<7" is "[-2,7)" of x; ("", "") where there is none."""
    none = "", ""
    if len(signs) == 1:
        left, sign, right = sides[0], signs[0], sides[1]
        if sign == r"\in":
            return (right, squeeze(left)) if not re.search(r"[0-9]", left) else none
        if _is_subject(right) and not _is_subject(left) and sign in _FLIPPED:
            left, sign, right = right, _FLIPPED[sign], left
        if not _is_subject(left) or _letters(right) & _letters(left):
            return none
        subject = squeeze(left)
        if sign == r"\ne":
            return rf"(-\infty,{right})\cup({right},\infty)", subject
        if sign in ("<", r"\le"):
            return rf"(-\infty,{right}{']' if sign != '<' else ')'}", subject
        return (rf"{'[' if sign != '>' else '('}{right},\infty)", subject) if sign in _FLIPPED else none
    if len(signs) == 2 and _is_subject(sides[1]):
        subject = squeeze(sides[1])
        if set(signs) <= {"<", r"\le"}:
            return f"{'[' if signs[0] != '<' else '('}{sides[0]},{sides[2]}{']' if signs[1] != '<' else ')'}", subject
        if set(signs) <= {">", r"\ge"}:
            return f"{'[' if signs[1] != '>' else '('}{sides[2]},{sides[0]}{']' if signs[0] != '>' else ')'}", subject
    return none


def _is_subject(side: str) -> bool:
    side = side.strip()
    return (_is_variable(side) and side not in ("e", "i", r"\pi")) or bool(re.fullmatch(r"[a-zA-Z]\([a-z]\)", side))


def _letters(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", text)))


# Values ----------------------------------------------------------------------------------------------------------


def _values(gold: str, answer: str, leaf: Leaf) -> bool | None:
    gold, answer = _set_builder(gold), _set_builder(answer)
    if r"\pm" in gold or r"\pm" in answer:
        wanted, got = _expand([gold]), _expand([answer])
        if len(wanted) != len(got) and min(len(wanted), len(got)) == 1:
            bracket = read_bracket(gold if len(wanted) == 1 else answer)
            if not bracket:
                return False
        gold_bracket, answer_bracket = read_bracket(gold), read_bracket(answer)
        members = (
            gold_bracket.items if gold_bracket and gold_bracket.is_set else [gold],
            answer_bracket.items if answer_bracket and answer_bracket.is_set else [answer],
        )
        return _same_members(*members, leaf)
    gold_union, answer_union = split_union(gold), split_union(answer)
    if len(gold_union) > 1 or len(answer_union) > 1:
        decided = _same_members(gold_union, answer_union, leaf)
        return decided if decided or len(gold_union) == len(answer_union) else leaf(gold, answer)
    gold_matrix, answer_matrix = read_matrix(gold), read_matrix(answer)
    gold_bracket, answer_bracket = read_bracket(gold), read_bracket(answer)
    if gold_matrix and answer_matrix:
        return _matrices(gold_matrix, answer_matrix, leaf)
    if gold_matrix and answer_bracket:
        gold_bracket = _vector(gold_matrix)
    elif answer_matrix and gold_bracket:
        answer_bracket = _vector(answer_matrix)
    if gold_bracket and answer_bracket:
        if len(gold_bracket.items) == 1 and len(answer_bracket.items) == 1 and not gold_bracket.is_set:
            return same_answer(gold_bracket.items[0], answer_bracket.items[0], leaf)
        if len(gold_bracket.items) > 1 or len(answer_bracket.items) > 1 or gold_bracket.is_set:
            return _brackets(gold_bracket, answer_bracket, leaf)
    for bracket, one, first in ((gold_bracket, answer, True), (answer_bracket, gold, False)):
        if bracket and len(bracket.items) == 1:
            item = bracket.items[0]
            return same_answer(item, one, leaf) if first else same_answer(one, item, leaf)
        if bracket and len(bracket.items) > 1:
            return False
    if _RATIO.fullmatch(gold) or _RATIO.fullmatch(answer):
        return _ratios(gold, answer, leaf)
    return leaf(gold, answer)


def _set_builder(text: str) -> str:
    """\\{x : x>2\\} and \\{x\\in\\mathbb{R}\\mid x>2\\} are the interval of their condition."""
    match = re.fullmatch(r"\\\{([A-Za-z])(?:\\in ?\\mathbb\{R\})?(?:\\mid ?|:|\|)(.*)\\\}", text)
    if not match:
        return text
    sides, signs = split_relation(match[2])
    return _interval(sides, signs)[0] or text


def _vector(matrix: Sequence[Sequence[str]]) -> Bracket | None:
    if len(matrix) == 1:
        return Bracket("(", tuple(matrix[0]), ")")
    if all(len(row) == 1 for row in matrix):
        return Bracket("(", tuple(row[0] for row in matrix), ")")
    return None


def _matrices(gold: Sequence[Sequence[str]], answer: Sequence[Sequence[str]], leaf: Leaf) -> bool | None:
    if [len(row) for row in gold] != [len(row) for row in answer]:
        return False
    return _all(
        same_answer(g, a, leaf)
        for gold_row, answer_row in zip(gold, answer, strict=True)
        for g, a in zip(gold_row, answer_row, strict=True)
    )


def _ratios(gold: str, answer: str, leaf: Leaf) -> bool | None:
    wanted, got = gold.split(":"), answer.split(":")
    left, right = [read_number(part) for part in wanted], [read_number(part) for part in got]
    if len(wanted) != len(got):
        for parts, other, first in ((left, answer, True), (right, gold, False)):
            number = read_number(other)
            if len(parts) == 2 and number and parts[0] and parts[1] and parts[1].value:
                return parts[0].value / parts[1].value == number.value
            del first
        return False
    if all(left) and all(right):
        values = [(g.value, a.value) for g, a in zip(left, right, strict=True) if g and a]
        return all(values[0][0] * a == values[0][1] * g for g, a in values)
    return _all(same_answer(g, a, leaf) for g, a in zip(wanted, got, strict=True))


def _all(decisions: Iterable[bool | None]) -> bool | None:
    """Kleene's conjunction; stops at the first False."""
    result: bool | None = True
    for decision in decisions:
        if decision is False:
            return False
        if decision is None:
            result = None
    return result
