"""Where a curve first has a downstream accuracy, and that nothing is extrapolated."""

import numpy as np
import pytest

from tasks.report.frontier.curves import Curve, kept_at, level_of, strengths_in, whose_seeds


def of(math: list[list[float]], general: list[list[float]]) -> Curve:
    return Curve([0.1 * n for n in range(1, len(math))], np.array(math), np.array(general), [3] * (len(math) - 1))


def at_level(curve: Curve, level: float) -> np.ndarray:
    return kept_at(curve, np.full(curve.math.shape[1], level))


def test_a_level_between_two_rates_lies_on_the_line_between_them() -> None:
    curve = of([[0.4], [0.6], [0.8]], [[1.0], [0.9], [0.5]])
    assert at_level(curve, 0.7) == pytest.approx([0.7])
    assert at_level(curve, 0.6) == pytest.approx([0.9])
    assert at_level(curve, 0.5) == pytest.approx([0.95])


def test_the_lowest_rate_that_has_it_counts_also_where_the_curve_turns_back() -> None:
    assert at_level(of([[0.4], [0.8], [0.6]], [[1.0], [0.9], [0.2]]), 0.7) == pytest.approx([0.925])


def test_a_level_that_is_never_reached_has_no_figure() -> None:
    assert np.isnan(at_level(of([[0.4], [0.6]], [[1.0], [0.9]]), 0.61)).all()


def test_each_replicate_has_its_own_curve() -> None:
    found = at_level(of([[0.4, 0.5, 0.4], [0.6, 0.7, 0.45]], [[1.0, 1.0, 1.0], [0.8, 0.6, 0.9]]), 0.5)
    assert found[:2] == pytest.approx([0.9, 1.0])
    assert np.isnan(found[2])


def test_a_flat_piece_divides_by_nothing() -> None:
    assert at_level(of([[0.5], [0.5], [0.7]], [[1.0], [0.9], [0.5]]), 0.5) == pytest.approx([1.0])


def test_levels_are_shares_of_the_gain() -> None:
    assert level_of(of([[0.4], [0.8], [0.8]], [[1.0], [0.9], [0.5]]), 0.9) == pytest.approx([0.76])


def test_strengths_of_one_method_are_its_curves_and_share_its_seeds() -> None:
    found = strengths_in(["sft", "sft_kl=10", "sft_kl=2", "sft_kl", "sft", "l2=8", "made_up"])
    assert found == {
        "sft": {None: "sft"},
        "sft_kl": {0.1: "sft_kl", 2.0: "sft_kl=2", 10.0: "sft_kl=10"},
        "l2": {8.0: "l2=8"},
        "made_up": {None: "made_up"},
    }
    assert list(found["sft_kl"]) == [0.1, 2.0, 10.0]
    assert {whose_seeds(name) for name in ("sft_kl=2@0.0008", "sft_kl@0.0012")} == {"sft_kl"}
