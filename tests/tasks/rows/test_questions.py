"""Questions are compared in every script; a sign, an operator, a bracket or a decimal point makes another question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.rows.questions import long_enough, normalised

SAME = [
    ("What is $3 + 4$?", "what is 3+4"),
    ("Held  out!", "held out"),
    ("$x^{2}+1$", "x^2 + 1"),
    ("1,000,000 men", "1000000 men"),
    ("a well-known fact — true", "A well known fact true."),
    ("x \u2212 3", "x - 3"),
    ("x²", "x^2"),
    (r"\left(3\right)", "(3)"),
    ("It is 5. Then: what?", "it is 5 then what"),
    ("５ ＋ ３", "5 + 3"),
    ("Найдите сумму: корней.", "найдите сумму корней"),
]
OTHER = [
    ("Find all x with x^2 + 5x + 6 = 0.", "Find all x with x^2 - 5x - 6 = 0."),
    ("the value of (3 + 5) - 2", "the value of (3 - 5) + 2"),
    ("A rope is 1.25 metres long", "A rope is 12.5 metres long"),
    ("it is .5 metres", "it is 5 metres"),
    ("-5 apples", "5 apples"),
    ("in 5! ways", "in 5 ways"),
    ("x^2", "x2"),
    ("f(1, 2)", "f(12)"),
    (r"\sqrt{2}3", r"\sqrt{23}"),
    ("in ratio 2:3", "in ratio 23"),
    ("x < 3", "x > 3"),
    ("5% of 3", "5 of 3"),
    ("求它的最小值", "求它的最大值"),
    ("أوجد مجموع الأعداد", "أوجد فرق الأعداد"),
    ("कितने आम हैं", "कितना आम है"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spaces_case_and_punctuation_make_no_other_question(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_changes_a_value_makes_another_question(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@given(st.text(max_size=60))
def test_only_an_empty_question_has_an_empty_form(text: str) -> None:
    assert bool(normalised(text)) == bool("".join(text.split()))
    assert normalised(text) == normalised(f"  {text}\n")


def test_short_questions_meet_by_chance_and_ideographs_say_more_than_letters() -> None:
    assert not long_enough(normalised("What is 1 + 1?"))
    assert long_enough(normalised("已知函数图像,求最小值"))
    assert not long_enough(normalised("求最小值"))
    assert long_enough(normalised("Найдите сумму всех корней"))
