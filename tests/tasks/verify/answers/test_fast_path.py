"""What is decided without SymPy is what SymPy decides: both over the same pairs."""

import logging
import random
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.verify.answers.equivalence import plain_leaf, same_answer
from tasks.verify.answers.normal import normalise


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """math-verify warns of every answer that it cannot parse."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


integers = st.integers(min_value=-(10**9), max_value=10**9)
fractions = st.builds(Fraction, integers, st.integers(min_value=1, max_value=10**4))


def spellings(value: Fraction) -> list[str]:
    """The value in the forms that the fast path reads."""
    top, bottom = value.numerator, value.denominator
    sign, top_abs = ("-" if top < 0 else ""), abs(top)
    if bottom == 1:
        return [
            str(top),
            f"{top:,}",
            f"{top}.0",
            f"+{top}" if top >= 0 else str(top),
            rf"\frac{{{top * 3}}}{{3}}",
            f"{top * 2}/2",
        ]
    spelled = [
        f"{top}/{bottom}",
        rf"\frac{{{top}}}{{{bottom}}}",
        rf"{sign}\dfrac{{{top_abs}}}{{{bottom}}}",
        rf"\frac{{{2 * top}}}{{{2 * bottom}}}",
    ]
    if top_abs > bottom:
        spelled.append(rf"{sign}{top_abs // bottom}\frac{{{top_abs % bottom}}}{{{bottom}}}")
    scaled = value * 10**6
    if scaled.denominator == 1:
        text = f"{abs(scaled.numerator):07d}"
        spelled.append(f"{sign}{text[:-6]}.{text[-6:]}".rstrip("0"))
    return spelled


@settings(max_examples=120)
@given(
    st.one_of(integers.map(Fraction), fractions),
    st.one_of(integers.map(Fraction), fractions),
    st.booleans(),
    st.randoms(),
)
def test_plain_numbers_are_decided_as_sympy_decides_them(
    gold: Fraction, other: Fraction, equal: bool, draw: random.Random
) -> None:
    from tasks.verify.answers.symbolic import symbolic_leaf

    answer = gold if equal else other
    left, right = normalise(draw.choice(spellings(gold))), normalise(draw.choice(spellings(answer)))
    fast = same_answer(left, right, plain_leaf)
    assert fast is not None, (left, right)
    assert fast == same_answer(left, right, symbolic_leaf), (left, right)
    assert fast == (gold == answer) or "." in left + right, (left, right)


@settings(max_examples=150)
@given(
    st.lists(fractions, min_size=1, max_size=4),
    st.lists(fractions, min_size=1, max_size=4),
    st.sampled_from(["()", "[)", "{}", ""]),
    st.randoms(),
)
def test_structures_of_plain_numbers_are_decided_as_sympy_decides_them(
    gold: list[Fraction], answer: list[Fraction], brackets: str, draw: random.Random
) -> None:
    from tasks.verify.answers.symbolic import symbolic_leaf

    if draw.random() < 0.5:
        answer = draw.sample(gold, len(gold))
    opening, closing = {"{}": (r"\{", r"\}"), "": ("", "")}.get(brackets) or (brackets[0], brackets[1])
    left, right = (
        opening + ", ".join(draw.choice(spellings(value)) for value in values) + closing for values in (gold, answer)
    )
    left, right = normalise(left), normalise(right)
    fast = same_answer(left, right, plain_leaf)
    assert fast is None or fast == same_answer(left, right, symbolic_leaf), (left, right)


def test_what_is_decided_without_sympy_is_what_sympy_decides_over_the_policy() -> None:
    from tasks.verify.answers.symbolic import slow_leaf
    from tests.tasks.verify.answers.test_policy import cases

    decided = 0
    for gold, answer, _ in cases():
        if len(answer) > 60 or "boxed" in answer or "####" in answer or "nswer" in answer:
            continue
        for one, other in ((normalise(gold), normalise(answer)), (normalise(answer), normalise(gold))):
            fast = same_answer(one, other, plain_leaf)
            decided += fast is not None
            assert fast is None or fast == same_answer(one, other, slow_leaf), (one, other)
    assert decided > 300


@settings(max_examples=200)
@given(
    st.sampled_from("ABCDE"),
    st.sampled_from("ABCDE"),
    st.sampled_from(["{}", "({})", r"\text{{({})}}", r"\textbf{{{}}}", "{}.", "{}) 12", "({}) x"]),
)
def test_letters_are_decided_at_once(gold: str, answer: str, form: str) -> None:
    assert same_answer(gold, normalise(form.format(answer)), plain_leaf) == (gold == answer)


@settings(max_examples=300)
@given(st.integers(min_value=1, max_value=10**7), st.integers(min_value=1, max_value=9999))
def test_another_number_never_passes(value: int, change: int) -> None:
    for form in ("{}", "{}%", "{} cm", r"\${}", "x={}", "({})", "{}.0", r"{}^\circ", r"\text{{{}}}", "{:,}"):
        assert same_answer(normalise(form.format(value)), normalise(form.format(value + change)), plain_leaf) is False
        assert same_answer(normalise(form.format(value)), normalise(form.format(value)), plain_leaf) is True
        assert same_answer(normalise(form.format(value)), normalise(f"-{value}"), plain_leaf) is False


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_any_text_equals_itself_or_is_empty(text: str) -> None:
    spelled = normalise(text)
    assert same_answer(spelled, spelled, plain_leaf) is bool(spelled)
