"""A solution that says nothing but its answer is told from one that says how it was reached."""

import pytest

from tasks.verify.answers.answer_alone import answer_alone
from tasks.verify.answers.boxes import without_boxes


@pytest.mark.parametrize(
    "text",
    [
        r"$\boxed{36}$",
        "$\\boxed{36}$\n\nThe answer is $\\boxed{36}$\n\nThe answer is $\\boxed{36}$",
        r"So the final answer is \(\boxed{\frac{1}{9}}\).",
        r"$\boxed{(4, 7)}$. Therefore, the correct answer is $(4, 7)$.",
        "The answer is 36.",
    ],
)
def test_nothing_but_the_answer(text: str) -> None:
    assert answer_alone(text)


@pytest.mark.parametrize(
    "text",
    [
        r"$48 : \frac{4}{3} = 36$. The answer is $\boxed{36}$.",
        r"The minimum point of the graph is $\boxed{(4, 7)}$",
        r"\boxed{36} because 36 and a third of it are 48",
        r"$\boxed{36",
        "",
    ],
)
def test_more_than_the_answer(text: str) -> None:
    assert not answer_alone(text)


def test_a_text_around_its_boxes() -> None:
    assert without_boxes(r"a \boxed{1} b \boxed{\boxed{2}, 3} c") == "a  b  c"
    assert without_boxes("no box") == "no box" and without_boxes(r"a \boxed{1") == r"a \boxed{1"
