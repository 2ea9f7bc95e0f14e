"""Calibration: figures as scikit-learn and a plain loop have them, chance told beside the error."""

import json

import numpy as np
import pytest

from tasks.report.computed.calibration import (
    GENERAL,
    Choice,
    calibration,
    expected_calibration_error,
    of_answers,
    probabilities,
    together,
)
from tasks.report.computed.read_runs import read_runs
from tasks.rows.jsonl import write_rows


def questions(n, sharp, seed=0, options=4):
    """A model whose letters are drawn from what it says, made `sharp` times as sure as it should be."""
    random = np.random.default_rng(seed)
    letters = random.normal(0, 1.5, (n, options))
    right = [random.choice(options, p=probabilities(one)) for one in letters]
    return {
        f"q/{at:04}": Choice(tuple(sharp * one), int(truth))
        for at, (one, truth) in enumerate(zip(letters, right, strict=True))
    }


def row_of(found, method):
    [row] = [row for row in found if row.method == method]
    return row


def test_the_figures_are_those_of_their_definitions():
    asked = questions(203, 1.7)
    row = row_of(calibration({"base": [{"b": asked}]}, 0.95, 200), "base")
    brier, nll, sure, hits = [], [], [], []
    for letters, right in asked.values():
        p = [2.718281828459045**one for one in letters]
        p = [one / sum(p) for one in p]
        brier.append(sum((one - (at == right)) ** 2 for at, one in enumerate(p)))
        nll.append(-np.log(p[right]))
        sure.append(max(p))
        hits.append(float(p.index(max(p)) == right))
    assert row.figures["Brier"].value == pytest.approx(np.mean(brier))
    assert row.figures["NLL"].value == pytest.approx(np.mean(nll))
    assert row.figures["right"].value == pytest.approx(np.mean(hits))
    assert row.figures["overconfidence"].value == pytest.approx(np.mean(sure) - np.mean(hits))
    ranked, error, bins = sorted(range(203), key=lambda at: sure[at]), 0.0, []
    for size in (21, 21, 21, *[20] * 7):
        part, ranked = ranked[:size], ranked[size:]
        bins.append((np.mean([sure[at] for at in part]), np.mean([hits[at] for at in part]), size))
        error += abs(bins[-1][0] - bins[-1][1]) * size / 203
    assert row.ece == pytest.approx(error)
    assert [(one.confidence, one.right, one.n) for one in row.bins] == [pytest.approx(one) for one in bins]


def test_scikit_learn_has_the_same_brier_score_and_nll():
    metrics = pytest.importorskip("sklearn.metrics", reason="an environment of engines has it")
    asked = questions(150, 0.6, seed=3)
    row = row_of(calibration({"base": [{"b": asked}]}, 0.95, 100), "base")
    p, right = [probabilities(one.letters) for one in asked.values()], [one.right for one in asked.values()]
    assert row.figures["Brier"].value == pytest.approx(metrics.brier_score_loss(right, p, labels=range(4)))
    assert row.figures["NLL"].value == pytest.approx(metrics.log_loss(right, p, labels=range(4)))


def test_a_calibrated_model_shows_the_error_of_chance_and_a_surer_one_more():
    """Chance is not 0, and less with more questions: 0.17 with 50, 0.04 with 800."""
    for n, low, high in ((50, 0.14, 0.20), (800, 0.03, 0.05)):
        rows = [row_of(calibration({"base": [{"b": questions(n, 1, seed)}]}, 0.95, 100), "base") for seed in range(6)]
        chance = np.mean([row.ece_by_chance for row in rows])
        assert np.mean([row.ece for row in rows]) == pytest.approx(chance, rel=0.25) and low < chance < high
    surer = row_of(calibration({"base": [{"b": questions(800, 4)}]}, 0.95, 100), "base")
    assert surer.ece > 4 * surer.ece_by_chance and surer.figures["overconfidence"].low > 0


def test_rows_of_answers_are_errors_alike():
    confidence = np.array([0.4, 0.4, 0.9, 0.9])
    right = np.array([[0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]])
    assert expected_calibration_error(confidence, right, bins=2) == pytest.approx([0.1, 0.75])


def test_methods_are_paired_with_the_base_and_sft_on_the_questions_that_all_were_asked():
    base, less = questions(120, 1), questions(120, 3)
    del less["q/0007"]
    runs = {"base": [{"b": base}], "sft": [{"b": less}, {"b": less}], "dft": [{"b": base}, {"b": base}]}
    found = calibration(runs, 0.95, 300)
    assert {row.questions for row in found} == {119} and [row.seeds for row in found] == [1, 2, 2]
    sft, dft = row_of(found, "sft"), row_of(found, "dft")
    assert sft.against_base["NLL"].low > 0 and sft.against_sft == {}
    assert dft.against_base["NLL"].high == pytest.approx(0, abs=1e-9), "paired over questions"
    assert dft.against_sft["NLL"].value == pytest.approx(-sft.against_base["NLL"].value)
    assert sum(one.n for one in sft.bins) == 2 * 119


def test_questions_of_a_passage_are_drawn_together_by_benchmark_and_by_thermometer():
    """Ten questions of a passage that are all right or all wrong say as much as one."""
    asked = {f"q/{at:02}": Choice((1.0 if at // 10 % 2 else -1.0, 0.0), 0) for at in range(100)}
    runs = {"base": [{"b_likelihood": asked, GENERAL: {f"choices: b/{key}": one for key, one in asked.items()}}]}
    passages = {key: f"passage {at // 10}" for at, key in enumerate(asked)}
    alone = calibration(runs, 0.95, 400)
    together = calibration(runs, 0.95, 400, clusters={"b": passages, "b_likelihood": passages})
    for narrow, wide in zip(alone, together, strict=True):
        for name, figure in wide.figures.items():
            assert figure.value == narrow.figures[name].value
            assert figure.high - figure.low > 2.5 * (narrow.figures[name].high - narrow.figures[name].low)
    assert together[0].figures == together[1].figures, "a thermometer's choices as the benchmark's questions"


def test_letters_are_read_from_benchmarks_by_likelihood_and_from_the_thermometers(tmp_path):
    said = {f"$\\boxed{{{letter}}}$": -float(at) for at, letter in enumerate("ABC")}
    rows = [
        {"id": "m/0", "correct": True, "gold": "A", "likelihoods": said},
        {"id": "m/1", "correct": False, "gold": "C", "likelihoods": said},
        {"id": "long", "correct": False, "gold": "A", "likelihoods": {}},
    ]
    choices = of_answers(iter(rows))
    assert choices == {"m/0": Choice((0.0, -1.0, -2.0), 0), "m/1": Choice((0.0, -1.0, -2.0), 2)}
    assert of_answers(iter([{"id": "x", "correct": True}])) == of_answers(iter([])) == {}
    write_rows(tmp_path / "answers.jsonl", rows)
    (tmp_path / "scores.json").write_text(json.dumps({"benchmark": "m_likelihood"}))
    (tmp_path / "manifest.json").write_text(json.dumps({"kind": "evaluate", "key": "k", "digest": "d"}))
    [base] = read_runs({"scores": {"base/m_likelihood": tmp_path}}, 0.95, 100, 0)
    assert base.choices == {"m_likelihood": choices}

    text = {"id": "f/0", "thermometer": "choices: facts", "correct": True, "correct_base": True, "right": 1}
    drift = [text | {"letters": [-2.0, -0.1], "letters_base": [-0.3, -1.2]}, {**text, "thermometer": "choices: sums"}]
    found = together({"base": [(base.choices, [])], "sft": [({}, drift)], "dft": [({}, [text])]}, ["facts"])
    key = "choices: facts/f/0"
    assert found["sft"] == [{GENERAL: {key: Choice((-2.0, -0.1), 1)}}] and found["dft"] == [{}]
    assert found["base"] == [{"m_likelihood": choices, GENERAL: {key: Choice((-0.3, -1.2), 1)}}]
    assert [(row.of, row.method) for row in calibration(found, 0.95, 100)] == [
        ("m_likelihood", "base"),
        (GENERAL, "base"),
        (GENERAL, "sft"),
    ]
