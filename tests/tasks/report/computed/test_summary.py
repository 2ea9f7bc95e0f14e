"""Averages and comparisons are Table 1's, with intervals that are paired."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.report.computed.summary import averages, comparisons, table_1
from tasks.report.statistics.statistics import draw, holm
from tests.tasks.report import averages as table

BENCHMARKS = {"math": ["a", "b"], "general": ["c"]}


def answers(rates, rows=100, seeds=1):
    """0/1 matrices with exactly these shares of ones."""
    return {
        name: np.repeat((np.arange(rows) < round(rate * rows)).astype(float)[None], seeds, 0)
        for name, rate in rates.items()
    }


def test_the_columns_are_those_of_table_1():
    """Llama-3.2-1B's row of Table 1 from two benchmarks with its averages: 12.42 -> 15.10, 27.34 -> 25.92."""
    correct = {
        "base": answers({"a": 0.1000, "b": 0.1484, "c": 0.2734}, rows=10_000),
        "rewriting_agent": answers({"a": 0.1200, "b": 0.1820, "c": 0.2592}, rows=10_000),
    }
    found = averages(draw(correct, resamples=0), "rewriting_agent", BENCHMARKS, 0.95)
    assert 100 * found.math.value == pytest.approx(15.10)
    assert 100 * found.general.value == pytest.approx(25.92)
    assert 100 * found.overall.value == pytest.approx(20.51)
    assert found.math_gain_percent.value == pytest.approx(21.58, abs=0.005)
    assert found.general_drop_percent.value == pytest.approx(5.19, abs=0.005)


def test_a_missing_benchmark_leaves_its_average_out_rather_than_averaging_what_is_there():
    drawn = draw({"base": answers({"a": 0.5, "c": 0.5}), "sft": answers({"a": 0.5, "c": 0.4})}, resamples=10)
    found = averages(drawn, "sft", BENCHMARKS, 0.95)
    assert found.math is None and found.overall is None and found.math_gain_percent is None
    assert found.general.value == pytest.approx(0.4)


def test_a_base_of_zero_gives_no_gain_instead_of_infinity():
    drawn = draw(
        {"base": answers({"a": 0, "b": 0, "c": 0.5}), "sft": answers({"a": 1, "b": 1, "c": 0.5})}, resamples=10
    )
    assert averages(drawn, "sft", BENCHMARKS, 0.95).math_gain_percent is None


@settings(max_examples=20)
@given(st.lists(st.floats(0.05, 0.95), min_size=6, max_size=6), st.integers(1, 3))
def test_every_interval_holds_its_value_and_the_base_gains_nothing(rates, seeds):
    names = ["a", "b", "c"]
    correct = {
        "base": answers(dict(zip(names, rates[:3], strict=True))),
        "sft": answers(dict(zip(names, rates[3:], strict=True)), seeds=seeds),
    }
    drawn = draw(correct, resamples=50)
    assert averages(drawn, "base", BENCHMARKS, 0.95).math_gain_percent is None
    for estimate in averages(drawn, "sft", BENCHMARKS, 0.95).model_dump().values():
        if estimate is not None:
            assert estimate["low"] <= estimate["value"] <= estimate["high"]


def test_every_method_is_compared_with_the_base_and_with_sft():
    correct = {
        "base": answers({"a": 0.5, "b": 0.5, "c": 0.8}),
        "sft": answers({"a": 0.8, "b": 0.8, "c": 0.4}, seeds=2),
        "sdft": answers({"a": 0.8, "b": 0.8, "c": 0.6}, seeds=2),
    }
    found = {
        (c.method, c.reference, c.measure): c
        for c in comparisons(draw(correct, 200), correct, table_1(BENCHMARKS), 0.95)
    }
    assert len(found) == 6
    assert found["sdft", "sft", "MathAvg"].within_noise and found["sdft", "sft", "MathAvg"].difference.value == 0
    assert not found["sdft", "sft", "GeneralAvg"].within_noise
    assert found["sft", "base", "GeneralAvg"].difference.value == pytest.approx(-0.4)
    assert (found["sft", "base", "MathAvg"].rows, found["sft", "base", "MathAvg"].seeds) == (200, 2)


def test_p_values_are_corrected_for_the_methods_of_a_column_and_there_are_none_of_a_single_seed():
    random = np.random.default_rng(0)
    skill = {"base": 0.5, "sft": 0.6, "sdft": 0.55, "dft": 0.58, "mind_the_gap": 0.6}
    seeds = {"base": 1, "mind_the_gap": 1}
    correct = {
        method: {name: (random.random((seeds.get(method, 3), 150)) < rate).astype(float) for name in "abc"}
        for method, rate in skill.items()
    }
    found = comparisons(draw(correct, 400), correct, table_1(BENCHMARKS), 0.95)
    assert {c.method for c in found if c.difference.p is None} == {"mind_the_gap"}
    columns = {(c.measure, c.reference): [] for c in found}
    for c in found:
        if c.difference.p is not None:
            columns[c.measure, c.reference].append(c.difference)
    assert sorted(map(len, columns.values())) == [2, 2, 3, 3]  # SFT itself is not held against SFT
    for of in columns.values():
        assert [one.holm for one in of] == holm([one.p for one in of])
    assert any(one.holm > one.p for of in columns.values() for one in of)


@settings(max_examples=50)
@given(st.lists(st.floats(0.01, 1), min_size=6, max_size=6))
def test_the_formulas_are_those_of_the_evaluation(rates):
    names = ["a", "b", "c"]
    base, sft = (dict(zip(names, part, strict=True)) for part in (rates[:3], rates[3:]))
    correct = {"base": answers(base, rows=1000), "sft": answers(sft, rows=1000)}
    exact = [{name: float(matrix.mean()) for name, matrix in correct[m].items()} for m in ("base", "sft")]
    theirs = [table.averages(accuracies, BENCHMARKS["math"], BENCHMARKS["general"]) for accuracies in exact]
    change = table.change(theirs[1], theirs[0])
    ours = averages(draw(correct, 0), "sft", BENCHMARKS, 0.95)
    for one, other in (
        (ours.math, theirs[1].math),
        (ours.general, theirs[1].general),
        (ours.overall, theirs[1].overall),
        (ours.math_gain_percent, change.math_gain),
        (ours.general_drop_percent, change.general_drop),
    ):
        assert (one and one.value) == (other if other is None else pytest.approx(other))
