"""What became of the base's answers: forms, transitions, and what guessing explains of them."""

import numpy as np
import pytest

from tasks.report.computed.transitions import options, transitions
from tasks.report.reading.answers import Answer, answer, beside, loops, script

ROW = {"id": "q/0", "correct": False, "verdict": "wrong", "extracted": "4", "gold": "5", "subset": "", "finished": True}


def _row(text, **fields):
    return ROW | {"text": text, "tokens": 9} | fields


@pytest.mark.parametrize(
    ("text", "fields", "form"),
    [
        ("2 + 2 = 4.\n$\\boxed{4}$", {}, "well-formed"),
        ("So the answer is 4.", {}, "no box"),
        ("I do not know.", {"verdict": "no_answer", "extracted": None}, "no answer"),
        ("First, 2 + 2 =", {"finished": False}, "cut off"),
        ("Now we do 3 + 2 = 5. " * 9, {"finished": False}, "loop"),
        ("4. \\boxed{4} " * 12, {}, "loop"),
        ("", {"finished": False, "tokens": 0, "verdict": "no_answer"}, "prompt too long"),
    ],
)
def test_an_answer_has_the_first_form_that_fits(text, fields, form):
    assert answer(_row(text, **fields)).form == form


@pytest.mark.parametrize(
    ("text", "looped"),
    [
        ("so we have " * 5, True),
        ("so we have " * 3, False),
        ("cat, " * 3 + "cat", False),  # short enough to be a list
        ("a long start that repeats nothing, then " + "ha " * 30 + "h", True),
        ("1/3 = 0." + "3" * 60, False),
        ("Total:\n" + "-" * 60, False),
        ("", False),
    ],
)
def test_a_loop_is_the_same_stretch_again_and_again_at_the_end(text, looped):
    assert loops(text) is looped


def test_the_authors_check_stands_beside_ours():
    rows = {"q/0": _row("$\\boxed{5}$", correct=True), "q/1": _row("$\\boxed{5.0}$", correct=True), "q/2": _row("4")}
    (base,), _ = transitions(
        {"base": [{"b": {key: answer(row) for key, row in rows.items()}}]}, {"math": ["b"]}, 0.95, 100
    )
    assert base.accuracy_as_released.value == pytest.approx(1 / 3)


def test_another_script_than_the_bases_is_a_fault_and_mathematics_is_in_none():
    assert script("答案是四个苹果，所以选择 $\\boxed{C}$") == "CJK" and script("$x + \\alpha$ = \\frac{1}{2}") == ""
    base = {"q/0": answer(_row("The answer is $\\boxed{4}$")), "q/1": answer(_row("$\\boxed{4}$"))}
    now = {key: answer(_row("答案是四个苹果 $\\boxed{4}$")) for key in base}
    assert [one.form for one in beside(now, base).values()] == ["another script", "well-formed"]


def _answers(right, letters=None, form="well-formed", tokens=10, subject="s", gold="D"):
    """By row id; `letters` are options chosen where the last one is right."""
    made = {}
    for at, correct in enumerate(right):
        letter = None if letters is None else letters[at]
        its = None if letters is None else gold
        made[f"q/{at:05}"] = Answer(bool(correct), form, tokens, subject, letter, its, "LATIN")
    return {"b": made}


def test_transitions_are_counted_by_question_and_explain_the_change():
    runs = {"base": [_answers([1, 1, 1, 0])], "sft": [_answers([1, 0, 0, 1], tokens=15), _answers([1, 1, 0, 0])]}
    (base, sft), [subject] = transitions(runs, {"general": ["b"]}, 0.95, 100)
    assert (sft.right_to_wrong.value, sft.wrong_to_right.value) == pytest.approx((3 / 8, 1 / 8))
    assert sft.right_to_wrong == sft.right_to_wrong_corrected  # nothing can be guessed
    assert sft.length_ratio.value == pytest.approx(1.25) and (sft.questions, sft.seeds) == (4, 2)
    assert base.right_to_wrong is None and base.accuracy_well_formed.value == 0.75
    change = subject.accuracy - subject.base
    assert change == pytest.approx(subject.wrong_to_right - subject.right_to_wrong) == pytest.approx(-0.25)


@pytest.mark.parametrize("count", [2, 4])
def test_what_guessing_explains_is_taken_off(count):
    """A model that knows 70 %, then 60 %: of the answers it knew a tenth is wrong now, but for lucky guesses."""
    random, n = np.random.default_rng(3), 8_000
    known = random.random(n) < 0.7
    kept = known & (random.random(n) < 6 / 7)
    letters_ = list("ABCD"[:count])

    def ask(knows):
        letters = np.where(knows, letters_[-1], random.choice(letters_, n))
        return _answers([letter == letters_[-1] for letter in letters], list(letters), gold=letters_[-1])

    runs = {"base": [ask(known)], "sft": [ask(kept)]}
    (_, sft), _ = transitions(runs, {"general": ["b"]}, 0.95, 100)
    truly = (known & ~kept).mean() * (count - 1) / count
    assert sft.right_to_wrong_corrected.value == pytest.approx(truly, abs=0.015)
    assert sft.wrong_to_right_corrected.value == pytest.approx(0, abs=0.015)
    assert sft.right_to_wrong.value > truly + 0.04 and sft.wrong_to_right.value > 0.04
    lost = sft.right_to_wrong.value - sft.wrong_to_right.value
    assert sft.right_to_wrong_corrected.value - sft.wrong_to_right_corrected.value == pytest.approx(lost)


def test_an_answer_without_an_option_was_no_guess_and_numbers_are_none():
    assert options(_answers([0, 1], ["C", "D"])["b"].values()) == {"s": 4}
    assert options(_answers([0, 1])["b"].values()) == {"s": 0}
    silent = _answers([0] * 10, [None] * 10, form="no answer")
    runs = {"base": [_answers([0] * 10, ["D"] * 10)], "sft": [silent]}
    (_, sft), _ = transitions(runs, {"general": ["b"]}, 0.95, 100)
    assert sft.right_to_wrong_corrected.value == pytest.approx(
        -1 / 3
    )  # picked wrongly before: lucky ones were like them
    assert sft.wrong_to_right_corrected.value == 0 and sft.well_formed.value == 0 and sft.accuracy_well_formed is None


def test_the_number_of_options_is_the_references_and_a_models_stray_letter_changes_nothing():
    """Ten questions of four options, all picked wrongly, once as J: a third of a question each was picked by luck."""
    wrong = _answers([0] * 10, ["A"] * 9 + ["J"])
    (_, sft), _ = transitions({"base": [wrong], "sft": [wrong]}, {"general": ["b"]}, 0.95, 100)
    assert sft.right_to_wrong_corrected.value == pytest.approx(-1 / 3)


def test_few_questions_of_a_subject_have_as_many_options_as_the_benchmark():
    def asked(subject, golds):
        return [Answer(True, "well-formed", 1, subject, None, gold, "") for gold in golds]

    rows = [*asked("few", "AB" * 9), *asked("two", "AB" * 10), *asked("five", "E" * 20), *asked("number", [None, "A"])]
    assert options(rows) == {"few": 5, "two": 2, "five": 5, "number": 0}
