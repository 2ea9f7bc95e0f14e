"""Where a margin could be put, and whether any margin helps."""

import pytest

from tasks.verify.judges.calibration import WANTED, calibrate


def test_each_bar_lets_the_wanted_share_of_right_solutions_pass_and_no_bar_stops_more() -> None:
    labels = [True] * 100 + [False] * 100
    odds = [i / 100 for i in range(100)] + [i / 100 - 0.5 for i in range(100)]
    found = calibrate(labels, odds)
    assert found is not None
    assert [bar.wanted for bar in found.bars] == list(WANTED)
    for bar in found.bars:
        assert bar.measure.recall.value is not None and bar.wanted <= bar.measure.recall.value <= bar.wanted + 0.011
    half = found.bars[-1].measure  # the upper half of the right ones, and of the wrong ones almost none
    assert half.precision.value == pytest.approx(50 / 51, abs=0.02)
    assert found.auc.value == pytest.approx(0.875, abs=0.01)  # P(U > V - 0.5) of two uniform numbers


def test_odds_that_say_nothing_have_an_area_of_one_half() -> None:
    found = calibrate([True, False] * 50, [-1.2] * 100)
    assert found is not None and found.auc.value == 0.5
    assert all(bar.measure.precision.value == 0.5 for bar in found.bars)


def test_labels_that_are_all_alike_calibrate_nothing() -> None:
    assert calibrate([True, True], [0.1, 0.2]) is None
