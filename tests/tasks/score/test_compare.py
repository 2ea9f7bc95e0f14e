"""The answer to "is my data off-distribution for this model?"."""

import numpy as np
import pytest

from tasks.score.compare import FEW, compare, recommendation, stand_out


def rows_of(targets, answers, source="a"):
    own = [*answers, *[None] * (len(targets) - len(answers))]
    return [
        {"id": f"{source}{i}", "source": source, "nll": t, "own_nll": o}
        for i, (t, o) in enumerate(zip(targets, own, strict=True))
    ]


def test_targets_that_all_stand_out_are_off_distribution():
    everything = compare(rows_of(np.linspace(2, 3, 50), np.linspace(0.1, 0.9, 30)))[0]
    assert everything.higher == 1.0
    assert recommendation(everything).startswith("Off-distribution")


def test_the_models_own_kind_of_text_is_in_distribution():
    values = np.random.default_rng(0).normal(1, 0.2, 400)
    everything = compare(rows_of(values[:200], values[200:]))[0]
    assert everything.higher == pytest.approx(0.5, abs=0.06)
    assert recommendation(everything).startswith("In distribution")


def test_equal_nlls_count_half():
    assert compare(rows_of([1.0] * 30, [1.0] * 30))[0].higher == 0.5


def test_few_own_answers_give_no_recommendation():
    assert "too few" in recommendation(compare(rows_of([2.0] * 30, [1.0] * 5))[0])


def test_sources_are_listed_from_the_most_off_distribution():
    rows = rows_of([0.5] * 30, [0.5] * 30, "near") + rows_of([3.0] * 30, [], "far")
    parts = compare(rows)
    assert [part.source for part in parts] == ["all", "far", "near"]
    assert stand_out(rows, 2)[0]["source"] == "far"


@pytest.mark.parametrize(("answered", "pooled"), [(0, True), (FEW - 1, True), (FEW, False)])
def test_a_source_with_few_own_answers_is_compared_with_those_of_all_sources(answered, pooled):
    rows = rows_of([1.0] * 40, [0.5] * 40, "much answered") + rows_of([1.0] * 40, [2.0] * answered, "little answered")
    parts = {part.source: part for part in compare(rows)}
    little = parts["little answered"]
    assert (little.own, little.pooled) == (answered, pooled)
    assert little.answers == (parts["all"].answers if pooled else (2.0, 2.0, 2.0))
    assert little.higher == pytest.approx(40 / (40 + answered) if pooled else 0.0)
    assert parts["much answered"].answers == (0.5, 0.5, 0.5)
