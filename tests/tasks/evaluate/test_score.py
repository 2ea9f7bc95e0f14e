"""How answers are scored and counted."""

import pytest

from tasks.evaluate.score import judge, summary, verdict
from tasks.verify.config import VerifyConfig
from tasks.verify.letters import several_letters
from tasks.verify.verify import Verifier

KILOMETRES = ["10 km", "12 km", "14 km", "16 km"]


@pytest.mark.parametrize(
    ("gold", "text", "outcome"),
    [
        ("AC", "So A and C hold.\n$\\boxed{AC}$", "correct"),
        ("AC", "$\\boxed{C, A}$", "correct"),
        ("AC", "$\\boxed{\\text{A and C}}$", "correct"),
        ("AC", "first $\\boxed{B}$, no: $\\boxed{A、C}$", "correct"),
        ("AC", "$\\boxed{A}$", "wrong"),
        ("AC", "$\\boxed{ABC}$", "wrong"),
        ("AC", "$\\boxed{\\text{Cats and Apples}}$", "wrong"),
        ("AC", "So A and C hold.", "no_answer"),
        ("AC", "$\\boxed{A}$ and $\\boxed{C}$", "correct"),
        ("AC", "$\\boxed{A}$, $\\boxed{C}$", "correct"),
        ("AC", "\\boxed{A\\ C}", "correct"),
        ("AC", "\\boxed{A \\quad C}", "correct"),
        ("AC", "\\boxed{\\{A, C\\}}", "correct"),
        ("AC", "\\boxed{\\text{Options A and C}}", "correct"),
        ("AC", "\\boxed{a, c}", "correct"),
        ("AC", "\\boxed{A和C}", "correct"),
        ("AC", "**Answer: A, C**", "correct"),
        ("AC", "\\boxed{AC}. The answer is enclosed in \\boxed{} as asked.", "correct"),
        ("AC", "\\boxed{A+C}", "correct"),
        ("AC", "The answer is AC.", "correct"),
        ("AC", "因此选AC。", "correct"),
        ("AC", "\\boxed{A or B}", "wrong"),
        ("AC", "\\boxed{A, not C}", "wrong"),
        ("AC", "\\boxed{A}, \\boxed{B} and \\boxed{C}", "wrong"),
        ("AC", "\\boxed{bad}", "wrong"),
    ],
)
def test_several_right_letters_must_all_be_boxed_and_no_other(gold: str, text: str, outcome: str) -> None:
    assert several_letters(gold, text).verdict == outcome


@pytest.mark.parametrize(
    ("answer", "options", "text", "correct"),
    [
        ("C", ["a", "b", "c"], "Because of this,\n$\\boxed{C}$", True),
        ("C", ["a", "b", "c"], "It could be $\\boxed{C}$. No:\n$\\boxed{B}$", False),
        ("B", KILOMETRES, "\\boxed{B - 12 km}", True),
        ("B", KILOMETRES, "\\boxed{B, 12 km}", True),
        ("B", KILOMETRES, "\\boxed{B - 14 km}", False),
        ("B", KILOMETRES, "\\boxed{B, C}", False),
        ("B", KILOMETRES, "Hence, **(B)** is correct.", True),
        ("B", KILOMETRES, "$\\boxed{B}$ The answer is in \\boxed format.", True),
        ("\\frac{1}{2}", [], "so half.\n$\\boxed{0.5}$", True),
        ("\\frac{1}{2}", [], "so half.\n$\\boxed{2}$", False),
        ("The sum is 3, thus $\\boxed{3}$.", [], "$\\boxed{3}$", True),  # the reference is a whole solution
    ],
)
def test_a_batch_and_a_single_question_get_the_same_verdict(
    answer: str, options: list[str], text: str, correct: bool
) -> None:
    row = {"id": "batch" + text, "question": "q", "answer": answer, "options": options, "subset": ""}
    single = verdict(row | {"id": "single" + text}, text)
    with Verifier(VerifyConfig(reasoning=False, processes=1)) as verifier:
        judge([row], [text], verifier)
    batch = verdict(row, text)
    assert (single.verdict, single.correct) == (batch.verdict, batch.correct)
    assert batch.correct is correct


def test_the_interval_is_wilsons_and_every_row_counts() -> None:
    answers = [
        {
            "correct": n < 4,
            "verdict": "correct" if n < 4 else "undecided",
            "finished": n != 9,
            "tokens": n,
            "subset": "s",
        }
        for n in range(10)
    ]
    scores = summary("b", [answer | {"subset": "s"} for answer in answers])
    assert (scores["n"], scores["correct"], scores["accuracy"]) == (10, 4, 0.4)
    # Wilson, z = 1.959964: (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)
    assert scores["low"] == pytest.approx(0.16818, abs=1e-5) and scores["high"] == pytest.approx(0.68733, abs=1e-5)
    assert (scores["undecided"], scores["truncated"], scores["overlong"]) == (6, 1, 1)
    assert scores["subsets"] == {"s": {"n": 10, "accuracy": 0.4}}
