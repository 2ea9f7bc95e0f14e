"""One value in the many forms a person accepts passes; the next value in the same form never does."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.verify.answers.equivalence import plain_leaf, same_answer
from tasks.verify.answers.extract import extract_answer
from tasks.verify.answers.normal import normalise
from tasks.verify.answers.number_words import read_number_words

SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def same(gold: str, answer: str) -> bool | None:
    return same_answer(normalise(gold), normalise(answer), plain_leaf)


def spelled(number: int) -> str:
    """The number in English."""
    for scale, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= scale:
            rest = number % scale
            return f"{spelled(number // scale)} {name}" + (f" {spelled(rest)}" if rest else "")
    if number < 20:
        return SMALL[number]
    return TENS[number // 10 - 2] + (f"-{SMALL[number % 10]}" if number % 10 else "")


@settings(max_examples=300)
@given(st.integers(min_value=0, max_value=10**11))
def test_a_number_may_be_written_in_words(number: int) -> None:
    words = spelled(number)
    assert read_number_words(words) == number
    assert same(str(number), words.capitalize()) is True
    assert same(str(number + 1), rf"\text{{{words}}}") is False


@settings(max_examples=200)
@given(
    st.integers(min_value=1, max_value=50),
    st.integers(min_value=1, max_value=50),
    st.integers(min_value=1, max_value=9),
    st.sampled_from(["<", r"\le"]),
    st.sampled_from(["<", r"\le"]),
)
def test_bounds_on_a_size_are_intervals(low: int, width: int, under: int, near: str, far: str) -> None:
    inner, outer = rf"\frac{{{low}}}{{{under}}}", rf"\frac{{{low + width}}}{{{under}}}"
    opening, closing = ("[", "]") if far == r"\le" else ("(", ")")
    before, after = ("[", "]") if near == r"\le" else ("(", ")")
    ring = rf"{opening}-{outer},-{inner}{after} \cup {before}{inner},{outer}{closing}"
    assert same(ring, rf"{inner} {near} |x| {far} {outer}") is True
    assert same(f"{opening}-{outer},{outer}{closing}", rf"|x| {far} {outer}") is True
    assert same(rf"(-\infty,-{inner}{after}\cup{before}{inner},\infty)", rf"{inner} {near} |x|") is True
    assert same(ring, rf"|x| {far} {outer}") is False
    assert same(ring, rf"{inner} {near} x {far} {outer}") is False


@settings(max_examples=200)
@given(st.integers(min_value=1, max_value=23), st.integers(min_value=1, max_value=59))
def test_a_quantity_in_two_units_is_its_sum(hours: int, minutes: int) -> None:
    total = 60 * hours + minutes
    for form in (f"{hours} hours and {minutes} minutes", rf"{hours}\text{{ h }}{minutes}\text{{ min}}"):
        assert same(rf"{total}\text{{ minutes}}", form) is True
        assert same(str(total), form) is True
        assert same(rf"{total + 1}\text{{ minutes}}", form) is False
        assert same(rf"{total}\text{{ hours}}", form) is False
        assert same(rf"{total}\text{{ cm}}", form) is False


@settings(max_examples=300)
@given(
    st.integers(min_value=1, max_value=10**6),
    st.sampled_from([3, 7, 9, 11, 13, 21]),
    st.integers(min_value=1, max_value=4),
)
def test_a_rounded_reference_stands_for_its_exact_value_only(top: int, bottom: int, places: int) -> None:
    value = Fraction(top, bottom)
    scaled = round(value * 10**places)
    if value.denominator == 1 or scaled < 100 or scaled % 10**places == 0:
        return
    for shift, equal in ((0, True), (1, False), (-1, False)):
        digits = f"{scaled + shift:0{places + 1}d}"
        if int(digits[-places:]) == 0 or abs(value * 10**places - scaled) * 2 == 1:
            continue
        gold = f"{digits[:-places]}.{digits[-places:]}"
        cut_off = int(digits) == value * 10**places // 1 and int(digits) >= 10**5
        assert same(gold, rf"\frac{{{top}}}{{{bottom}}}") is (equal or cut_off), (gold, value)


@settings(max_examples=200)
@given(st.lists(st.integers(-9, 9), min_size=2, max_size=2), st.lists(st.integers(-9, 9), min_size=2, max_size=2))
def test_solutions_named_one_by_one_are_tuples(first: list[int], second: list[int]) -> None:
    named = [f"p={p}, q={q}" for p, q in (first, second)]
    gold = ", ".join(f"({p},{q})" for p, q in (first, second))
    crossed = f"p={first[0]}, q={second[1] + 20} \\text{{ and }} p={second[0]}, q={first[1]}"
    assert same(gold, rf"{named[1]} \text{{ or }} {named[0]}") is True
    assert same("; ".join(named), rf"{named[0]} \quad \text{{and}} \quad {named[1]}") is True
    assert same(gold, crossed) is False


FORMS = [
    r"So we get $\boxed{{{0}}}$.",
    "We add them.\n\n# Answer\n\n{0}",
    "We add them.\n\n**Final Answer:**\n\n${0}$",
    "<think>Is it 17 or \\boxed{{19}}?</think>\nThe answer is {0}.",
    "<think>17</think><answer>{0}</answer>",
    "Step 1: add 17 and 19.\nStep 2: the answer is {0}",
    "First \\boxed{{17}}. But wait.\n\nThe answer is: ${0}$.",
    "17 + 19 is not it.\n#### {0}",
    "Therefore, she has {0} of them left.",
    "So the number is **{0}**. This shows how to count.",
    "Thus there are \\({0}\\) possible values for \\(n\\).",
    "Therefore:\n\\[ n = {0} \\]",
    "{0}",
]


@settings(max_examples=300)
@given(st.integers(min_value=20, max_value=10**6), st.sampled_from(FORMS))
def test_an_answer_is_found_wherever_it_is_stated(number: int, form: str) -> None:
    found = extract_answer(form.format(number))
    assert found is not None
    assert same(str(number), found.text) is True, found
    assert same(str(number + 1), found.text) is False, found
