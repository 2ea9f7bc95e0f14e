"""What validation rows choose is told on all questions, what half of the downstream questions chooses on the other
half, as that half has it."""

import numpy as np
import pytest

from tasks.report.frontier.choice import Choice, best, by_validation, crossed
from tasks.report.frontier.compare import levels_of, matched, own_best
from tasks.report.frontier.curves import Curve, Curves
from tasks.report.frontier.data import GENERAL, PASSES, Difference, Outcome


def of(math: float, general: float) -> Curve:
    """From a base of 0.4 and 1.0 to one rate, in the data alone."""
    return Curve([0.1], np.array([[0.4], [math]]), np.array([[1.0], [general]]), [1])


SFT = {None: of(0.8, 0.6)}
WHOLE = {"sft": SFT, "l2": {1.0: of(0.75, 0.9), 4.0: of(0.75, 0.7)}}
# The first half chooses 1, the second 4. General accuracy is of all questions in both halves.
HALVES = crossed(
    (
        {"sft": SFT, "l2": {1.0: of(0.9, 0.9), 4.0: of(0.7, 0.7)}},
        {"sft": SFT, "l2": {1.0: of(0.65, 0.9), 4.0: of(0.8, 0.7)}},
    )
)


def at_gain(curves: Curves, choices: list[Choice], gained: float, outcome: Outcome) -> list[Difference]:
    return matched(curves, choices, levels_of(curves, choices, gained), outcome, 0.95)


def test_a_chosen_strength_is_matched_on_the_half_that_did_not_choose_it() -> None:
    (one,) = at_gain(WHOLE, HALVES, 0.5, GENERAL)
    # At 0.6: strength 1 on the second half is four fifths of the way (0.92), 4 on the first two thirds (0.8).
    assert one.strengths == [1.0, 4.0] and one.level == pytest.approx(0.6)
    assert one.value and one.value.value == pytest.approx(0.86)
    assert one.difference and one.difference.value == pytest.approx(0.86 - 0.8)
    assert one.unmeasured and one.p is None


def test_a_level_that_one_half_does_not_reach_has_no_figure() -> None:
    (one,) = at_gain(WHOLE, HALVES, 0.8, GENERAL)
    assert (one.value, one.difference, one.reached, one.strengths) == (None, None, 0.0, [1.0, 4.0])


def test_a_level_that_the_data_reach_and_too_few_replicates_has_its_estimate_alone() -> None:
    math, kept = [[0.4, 0.4, 0.4], [0.8, 0.8, 0.8]], [[1.0, 1.0, 1.0], [0.6, 0.6, 0.6]]
    sft = Curve([0.1], np.array(math), np.array(kept), [2])
    l2 = Curve([0.1], np.array([[0.4] * 3, [0.75, 0.8, 0.5]]), np.array([[1.0] * 3, [0.93] * 3]), [2])
    (one,) = at_gain({"sft": {None: sft}, "l2": {None: l2}}, [], 0.8, GENERAL)
    # At 0.72: SFT four fifths of the way (0.68), l2 32 of 35 (0.936); one of two replicates comes there.
    assert one.value and one.value.value == pytest.approx(0.936) and one.value.low is None
    assert one.difference and one.difference.value == pytest.approx(0.256) and one.difference.high is None
    assert (one.p, one.holm, one.reached) == (None, None, 0.5)


def test_replicates_that_do_not_reach_the_level_count_against_the_difference() -> None:
    """In 96 of 99 l2 comes to 0.72, and keeps more there; in three nobody knows."""
    sft = Curve([0.1], np.repeat([[0.4], [0.8]], 100, axis=1), np.repeat([[1.0], [0.6]], 100, axis=1), [2])
    l2 = Curve([0.1], np.array([[0.4] * 100, [0.75] * 97 + [0.7] * 3]), np.array([[1.0] * 100, [0.93] * 100]), [2])
    (one,) = at_gain({"sft": {None: sft}, "l2": {None: l2}}, [], 0.8, GENERAL)
    assert one.reached == pytest.approx(96 / 99) and one.p == pytest.approx(2 * (1 + 3) / 100)
    assert one.difference and one.difference.low == pytest.approx(0.256)


def test_its_own_best_strength_is_told_on_the_other_half() -> None:
    own = {one.method: one for one in own_best(WHOLE, HALVES, GENERAL, 0.95)}
    assert own["l2"].strengths == [1.0, 4.0] and own["l2"].rates == [0.1]
    assert own["l2"].math and own["l2"].math.value == pytest.approx((0.65 + 0.7) / 2)
    assert own["l2"].value and own["l2"].value.value == pytest.approx((0.9 + 0.7) / 2)


def test_validation_rows_choose_against_the_benchmarks_and_all_questions_tell() -> None:
    whole = {"sft": {None: two_rates(0.7, 0.8)}, "l2": {1.0: two_rates(0.7, 0.6), 4.0: two_rates(0.75, 0.9)}}
    validated = {"sft": {None: {0.1: 0.6, 0.2: 0.5}}, "l2": {1.0: {0.1: 0.3, 0.2: 0.8}, 4.0: {0.1: 0.7, 0.2: 0.7}}}
    own = {one.method: one for one in own_best(whole, by_validation(whole, validated), GENERAL, 0.95)}
    assert (own["sft"].rates, own["l2"].rates, own["l2"].strengths) == ([0.1], [0.2], [1.0])
    assert own["l2"].math and own["l2"].math.value == pytest.approx(0.6)
    assert own["l2"].value and own["l2"].value.value == pytest.approx(0.5)
    (one,) = at_gain(whole, by_validation(whole, validated), 0.5, GENERAL)
    assert one.strengths == [1.0] and one.level == pytest.approx(0.6)
    assert one.value and one.value.value == pytest.approx(1 - 0.1 * 2 / 3), "two thirds of the way to the first rate"


def two_rates(first: float, second: float) -> Curve:
    """From a base of 0.4 and 1.0: general accuracy 0.9, then 0.5."""
    return Curve([0.1, 0.2], np.array([[0.4], [first], [second]]), np.array([[1.0], [0.9], [0.5]]), [1, 1])


def test_of_equal_accuracies_the_lowest_strength_and_its_lowest_rate_are_best() -> None:
    assert best({None: [0.8, 0.8]}) == (None, 0)
    assert best({0.1: [0.7, 0.8], 2.0: [0.8, 0.6]}) == (0.1, 1)
    assert best({0.1: [0.7, 0.8], 2.0: [0.9, 0.6]}) == (2.0, 0)


def test_an_outcome_of_downstream_questions_is_told_on_the_half_that_did_not_choose() -> None:
    halves = crossed(
        (
            {"sft": SFT, "l2": {1.0: of(0.9, 1.0), 4.0: of(0.7, 0.6)}},
            {"sft": SFT, "l2": {1.0: of(0.65, 0.5), 4.0: of(0.8, 1.0)}},
        )
    )
    own = {one.method: one for one in own_best(WHOLE, halves, PASSES, 0.95)}
    assert own["l2"].value and own["l2"].value.value == pytest.approx((0.5 + 0.6) / 2)
    (one,) = at_gain(WHOLE, halves, 0.5, PASSES)
    # At 0.6: strength 1 on the second half four fifths of the way from 1.0 to 0.5, 4 on the first two thirds to 0.6.
    assert one.value and one.value.value == pytest.approx((0.6 + 1.0 - 0.4 * 2 / 3) / 2)
