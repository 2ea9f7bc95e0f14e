"""pass@k in the report: unbiased a question, paired over questions, told beside the base."""

import json

import pytest

from tasks.report.computed.joined import ReportError
from tasks.report.computed.pass_at_k import passes
from tasks.report.reading.artifacts import Sampled, evaluated, sampled
from tasks.report.schema.values import Contrast
from tasks.rows.jsonl import write_rows

GROUPS = {"math": ["b", "c"], "general": ["g", "h"]}
QUESTIONS = [f"q/{at:02}" for at in range(20)]


def of(*right, temperature=0.8, n=8, name="b"):
    """One seed's samples of a benchmark: so many of `n` right, question by question."""
    return {name: Sampled(temperature, {key: (n, right[at % len(right)]) for at, key in enumerate(QUESTIONS)})}


def values(row):
    return {k: one.value for k, one in row.figures.items()}


def test_a_model_that_is_surer_gains_at_one_answer_and_loses_at_many():
    found = {
        row.method: row for row in passes({"base": [of(4)], "sft": [of(8, 8, 8, 0)], "dft": [of(4)]}, GROUPS, 0.95, 400)
    }
    base, sft = found["base"], found["sft"]
    assert values(base) == pytest.approx({1: 0.5, 2: 11 / 14, 4: 69 / 70, 8: 1.0})
    assert values(sft) == pytest.approx(dict.fromkeys((1, 2, 4, 8), 0.75))
    assert sft.against_base[1].low > 0 > sft.against_base[8].high
    assert base.against_base == base.against_sft == sft.against_sft == {}
    assert found["dft"].against_base[1] == Contrast(value=0, low=0, high=0), "paired over questions; one seed, no p"
    assert (sft.benchmark, sft.questions, sft.samples, sft.seeds, sft.temperature) == ("b", 20, 8, 1, 0.8)


def test_the_mean_over_benchmarks_stands_first_and_seeds_are_in_its_interval():
    seeds = [of(8, 0) | of(8, name="c"), of(8, 8, 8, 0) | of(8, name="c")]
    rows = passes({"base": [of(4) | of(0, name="c")], "sft": seeds}, GROUPS, 0.95, 400)
    assert [(row.benchmark, row.method) for row in rows] == [
        (name, method) for name in (None, "b", "c") for method in ("base", "sft")
    ]
    mean = rows[1]
    assert mean.against_base[1].p == mean.against_base[1].holm is not None, "the base is as it is: no seeds"
    assert (values(mean)[1], mean.questions, mean.seeds) == (pytest.approx(0.8125), 40, 2)
    assert mean.figures[1].low < 0.75 and rows[5].figures[1].low == pytest.approx(1.0)


def test_what_may_be_forgotten_has_a_mean_of_its_own_behind_what_was_learnt():
    both = of(2, name="g") | of(4, name="h") | of(8)
    rows = passes({"base": [both], "sft": [both]}, GROUPS, 0.95, 100)
    told = {(row.group, row.benchmark): values(row)[1] for row in rows if row.method == "sft"}
    assert list(told) == [("math", "b"), ("general", None), ("general", "g"), ("general", "h")]
    assert list(told.values()) == pytest.approx([1.0, 0.375, 0.25, 0.5])


def test_what_was_sampled_otherwise_is_not_compared_and_nothing_is_told_of_nothing():
    with pytest.raises(ReportError, match=r"temperatures \[0.6, 0.8\]"):
        passes({"base": [of(4)], "sft": [of(4, temperature=0.6)]}, GROUPS, 0.95, 100)
    other = {"b": Sampled(0.8, {"another": (8, 1)})}
    with pytest.raises(ReportError, match="different questions"):
        passes({"base": [of(4)], "sft": [other]}, GROUPS, 0.95, 100)
    assert passes({"base": [{}], "sft": [{}, {}]}, GROUPS, 0.95, 100) == []


def test_a_method_of_which_one_seed_was_not_sampled_is_left_out_alone():
    rows = passes({"base": [of(4)], "sft": [of(8), {}], "dft": [of(4), of(4)]}, GROUPS, 0.95, 100)
    assert [row.method for row in rows] == ["base", "dft"]
    assert rows[1].against_base[1].value == 0 and rows[1].against_sft == {}


def test_samples_are_read_where_a_benchmark_has_them(tmp_path):
    for name in ("gsm8k", "mmlu"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scores.json").write_text(json.dumps({"benchmark": name, "temperature": 0.8}))
        write_rows(tmp_path / name / "answers.jsonl", [])
    rows = [{"id": key, "sample": n, "correct": n == 1} for key in ("b", "a") for n in range(2)]
    write_rows(tmp_path / "gsm8k" / "samples.jsonl", rows)
    assert [of.benchmark for of in evaluated(tmp_path / "gsm8k")] == ["gsm8k"]
    found = {of.benchmark: sampled(of) for of in evaluated(tmp_path)}
    assert found == {"gsm8k": Sampled(0.8, {"b": (2, 1), "a": (2, 1)}), "mmlu": None}
