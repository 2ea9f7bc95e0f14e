"""A frontier of made-up answers says what they were made to say: every number is drawn from a seed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.report.computed.joined import ReportError
from tasks.report.figures.chart import WIDE
from tasks.report.figures.figures import method_label
from tasks.report.frontier import figure
from tasks.report.frontier.build import build
from tasks.report.frontier.data import GENERAL, GENERAL_PASSES, PASSES, Difference, Frontier
from tasks.report.frontier.figure import averages_of
from tasks.report.frontier.matrices import FrontierError
from tasks.report.frontier.measured import Measured, Run
from tasks.report.frontier.page import render
from tasks.report.frontier.tables import markdown, tables
from tasks.report.reading.artifacts import Sampled
from tasks.report.schema.values import Estimate

RATES = (0.0008, 0.0012)
QUESTIONS = 200
# Made-up accuracies, (downstream, general) by rate: `keeps` gains what SFT gains and keeps more; `weak` gains little.
SKILL = {
    "sft": [(0.7, 0.9), (0.8, 0.6)],
    "dft": [(0.7, 0.9), (0.8, 0.6)],
    "wise_ft": [(0.7, 0.97), (0.8, 0.95)],
    "self_sft": [(0.45, 0.97), (0.5, 0.96)],
}
BENCHMARKS = {"nano_seen_kinds": 0, "nano_new_kinds": 0, "nano_facts": 1, "nano_words": 1}

Answers = dict[str, dict[str, float]]


def answers(random: np.random.Generator, skill: tuple[float, float]) -> Answers:
    return {
        name: {f"{name}-{row}": float(random.random() < skill[group]) for row in range(QUESTIONS)}
        for name, group in BENCHMARKS.items()
    }


def made(
    seeds: int = 6, shift: float = 0.0, skill: dict[str, list[tuple[float, float]]] = SKILL
) -> tuple[Answers, dict[float, dict[str, Answers]]]:
    """`shift` moves SFT's general accuracy at the higher rate apart between seeds."""
    random = np.random.default_rng(7)
    base = answers(random, (0.4, 0.98))
    runs: dict[float, dict[str, Answers]] = {rate: {} for rate in RATES}
    for method, by_rate in skill.items():
        for rate, (math, general) in zip(RATES, by_rate, strict=True):
            for seed in range(seeds):
                apart = shift * (seed % 3 - 1) if method == "sft" and rate == RATES[1] else 0.0
                runs[rate][f"{method}/{seed}"] = answers(random, (math, general + apart))
    return base, runs


def moved(seeds: int = 6) -> dict[float, dict[str, Answers]]:
    """Texts that rise by half a nat a unit of rate in thousandths with SFT, by a fifth of it with `wise_ft`; DFT's last
    seed was never read."""
    random = np.random.default_rng(8)
    found: dict[float, dict[str, Answers]] = {}
    for rate in RATES:
        for method, share in (("sft", 1.0), ("wise_ft", 0.2), ("dft", 1.0)):
            for seed in range(seeds - (method == "dft")):
                rise = share * 500 * rate * random.normal(1, 0.1)
                texts = {f"text-{n}": rise * (1 + n / 100) for n in range(30 + seed)}
                found.setdefault(rate, {})[f"{method}/{seed}"] = {"NLL of own answers, general": texts}
    return found


def measured(
    base: Answers,
    runs: dict[float, dict[str, Answers]],
    rises: dict[float, dict[str, Answers]] | None = None,
    clusters: dict[str, dict[str, str]] | None = None,
    validation: dict[float, dict[str, dict[str, bool]]] | None = None,
    base_samples: dict[str, Sampled] | None = None,
    samples: dict[float, dict[str, dict[str, Sampled]]] | None = None,
) -> Measured:
    def of(what: dict[float, dict[str, Any]] | None, rate: float, name: str) -> Any:
        return (what or {}).get(rate, {}).get(name, {})

    return Measured(
        Run(base, samples=base_samples or {}),
        {
            rate: {
                name: Run(right, of(rises, rate, name), of(validation, rate, name), of(samples, rate, name))
                for name, right in by_run.items()
            }
            for rate, by_run in runs.items()
        },
        clusters or {},
    )


@pytest.fixture(scope="module")
def data() -> Frontier:
    base, runs = made()
    return build("nano", True, measured(base, runs, moved()), confidence=0.95, resamples=500, seed=0)


def of(data: Frontier, outcome: str) -> list[Difference]:
    return [one for one in data.matched if one.outcome == outcome]


def test_a_thermometer_is_compared_where_methods_gained_the_same(data: Frontier) -> None:
    """SFT rises by 0.4 and 0.6 nats at the two rates, and by a seventh more, since texts do by their number."""
    high = max(one.level for one in data.matched if one.level)
    found = {one.method: one for one in of(data, "NLL of own answers, general") if one.level == high}
    assert set(found) == {"wise_ft"}  # DFT lacks a seed, self-SFT was not read
    keeps = found["wise_ft"].difference
    assert keeps and keeps.value == pytest.approx(-0.8 * 0.44 * 1.145, abs=0.06)
    assert keeps.high is not None and keeps.high < 0
    assert data.outcomes == {GENERAL: 2 * QUESTIONS, "NLL of own answers, general": 30}
    risen = {(one.method, one.rate): one.rises for one in data.points}
    assert risen["sft", RATES[1]]["NLL of own answers, general"].value == pytest.approx(0.6 * 1.145, abs=0.06)
    assert risen["dft", RATES[1]] == {}
    assert data.regimes[1].rise == pytest.approx(0.6 * 1.145, abs=0.06)
    assert data.regimes[1].rise_between_seeds == pytest.approx(0.06, abs=0.04)


def test_all_outcomes_are_matched_at_the_levels_of_general_accuracy(data: Frontier) -> None:
    """SFT was not read by the thermometer at the rate where it gains the most."""
    base, runs = made()
    rises = moved()
    for seed in range(6):
        del rises[RATES[1]][f"sft/{seed}"]
    found = build("nano", True, measured(base, runs, rises), confidence=0.95, resamples=100, seed=0)
    levels = [{one.level for one in of(found, outcome)} for outcome in found.outcomes]
    assert len(levels) == 2 and levels[0] == levels[1] and len(levels[0]) == 2
    assert all(one.rows for one in tables(found))
    # Half of SFT's gain lies before the first rate, where all seeds were read: the same figure as with both rates.
    read, all_read = (
        next(one for one in of(of_, "NLL of own answers, general") if one.level == min(levels[0]))
        for of_ in (found, data)
    )
    assert read.difference and all_read.difference
    assert read.difference.value == pytest.approx(all_read.difference.value)


def sampled(right: tuple[int, ...], group: int = 0) -> dict[str, Sampled]:
    """Eight samples to each downstream question (group 1: general); so many right, question by question."""
    return {
        name: Sampled(0.8, {f"{name}-{row}": (8, right[row % len(right)]) for row in range(QUESTIONS)})
        for name, its in BENCHMARKS.items()
        if its == group
    }


def test_pass_at_n_is_compared_where_answers_were_sampled() -> None:
    """SFT has become sure, of right answers or of wrong ones; its average is not. One of DFT's seeds lacks samples."""
    base, runs = made()
    right = {"sft": (8, 8, 0, 0), "wise_ft": (4, 4, 4, 0), "dft": (1,)}
    samples = {
        rate: {f"{method}/{seed}": sampled(one) for method, one in right.items() for seed in range(6)} for rate in RATES
    }
    samples[RATES[0]]["dft/1"] = {}
    options: dict[str, Any] = {"confidence": 0.95, "resamples": 200, "seed": 0}
    found = build("nano", True, measured(base, runs, base_samples=sampled((2,)), samples=samples), **options)
    assert found.outcomes == {GENERAL: 2 * QUESTIONS, PASSES: 2 * QUESTIONS} and found.samples == 8
    assert found.base_passes and found.base_passes.value == pytest.approx(1.0)
    passes = {(one.method, one.rate): one.passes and one.passes.value for one in found.points}
    assert passes["sft", RATES[1]] == pytest.approx(0.5) and passes["wise_ft", RATES[0]] == pytest.approx(0.75)
    assert passes["dft", RATES[0]] is None and passes["dft", RATES[1]] == pytest.approx(1.0)
    high = max(one.level for one in found.matched if one.level)
    by_method = {one.method: one for one in of(found, PASSES) if one.level == high}
    assert set(by_method) == {"wise_ft", "dft"}
    assert by_method["wise_ft"].difference and by_method["wise_ft"].difference.value == pytest.approx(0.25, abs=0.05)
    told = markdown(found)
    assert "downstream: downstream pass@8 against SFT's" in told and "| pass@n, % | against SFT, points |" in told
    assert "Upwards: downstream pass@8, %." in render(found)
    with pytest.raises(ReportError, match="temperatures"):
        hotter = {name: one._replace(temperature=1.0) for name, one in sampled((2,)).items()}
        build("nano", True, measured(base, runs, base_samples=hotter, samples=samples), **options)


def test_pass_at_n_of_general_questions_is_another_outcome() -> None:
    base, runs = made()
    right = {"sft": (8, 0), "wise_ft": (4, 4, 4, 0), "dft": (1,)}
    samples = {
        rate: {
            f"{method}/{seed}": sampled((8,)) | sampled(one, 1) for method, one in right.items() for seed in range(6)
        }
        for rate in RATES
    }
    asked: dict[str, Any] = {"base_samples": sampled((2,)) | sampled((2,), 1), "samples": samples}
    found = build("nano", True, measured(base, runs, **asked), confidence=0.95, resamples=200, seed=0)
    assert [*found.outcomes] == [GENERAL, PASSES, GENERAL_PASSES] and found.base_of(GENERAL_PASSES) == 1
    told = {(one.method, one.rate): (one.of(PASSES), one.of(GENERAL_PASSES)) for one in found.points}
    assert [one and one.value for one in told["sft", RATES[1]]] == pytest.approx([1.0, 0.5])
    high = max(one.level for one in found.matched if one.level)
    by_method = {one.method: one for one in of(found, GENERAL_PASSES) if one.level == high}
    assert by_method["wise_ft"].difference and by_method["wise_ft"].difference.value == pytest.approx(0.25, abs=0.05)
    assert "Upwards: general pass@8, %." in render(found) and "general pass@8 against SFT's" in markdown(found)


def test_a_method_that_keeps_more_is_told_at_the_same_downstream_accuracy(data: Frontier) -> None:
    high = max(one.level for one in data.matched if one.level)
    by_method = {one.method: one for one in of(data, GENERAL) if one.level == high}
    keeps, same = by_method["wise_ft"], by_method["dft"]
    # SFT gains four fifths of 0.4 a fifth of the way from the first rate to the second: 0.84 there, 0.966 the other.
    assert keeps.difference and keeps.difference.value == pytest.approx(0.126, abs=0.03)
    assert keeps.difference.low is not None and keeps.difference.low > 0
    assert keeps.holm is not None and keeps.p is not None and keeps.p <= keeps.holm < 0.05
    assert same.difference and same.difference.low is not None and same.difference.high is not None
    assert same.difference.low < 0 < same.difference.high


def test_a_curve_that_ends_below_is_said_so_and_takes_no_part_in_the_correction(data: Frontier) -> None:
    high = max(one.level for one in data.matched if one.level)
    weak = next(one for one in of(data, GENERAL) if one.method == "self_sft" and one.level == high)
    assert weak.difference is None and weak.p is None and weak.holm is None and weak.reached < 0.1
    tested = [one for one in of(data, GENERAL) if one.level == high and one.p is not None]
    smallest = min(tested, key=lambda one: one.p or 0)
    assert smallest.holm == pytest.approx(min(1.0, len(tested) * (smallest.p or 0)))


def test_at_the_same_rate_both_differences_stand(data: Frontier) -> None:
    at = {(one.method, rate): one for one in data.same_rate if one.outcome == GENERAL for rate in one.rates}
    assert len(at) == 6
    keeps = at["wise_ft", 0.0012]
    assert keeps.difference and keeps.difference.value == pytest.approx(0.35, abs=0.05)
    assert keeps.math_difference and keeps.math_difference.value == pytest.approx(0.0, abs=0.04)
    assert keeps.holm is not None and keeps.p is not None and keeps.p <= keeps.holm


def test_points_that_nothing_betters_are_marked(data: Frontier) -> None:
    best = {(one.method, one.rate) for one in data.points if one.best}
    assert ("wise_ft", 0.0012) in best
    assert ("sft", 0.0012) not in best or ("dft", 0.0012) not in best


@pytest.mark.parametrize(
    ("reached", "said"), [(0.948, "94 %"), (0.95, "95 %"), (0.9995, "99 %"), (0.29, "29 %"), (1.0, None)]
)
def test_how_many_replicates_reach_a_level_is_told_wherever_not_all_do(
    data: Frontier, reached: float, said: str | None
) -> None:
    (one, *_) = (one for one in of(data, GENERAL) if one.difference)
    text = markdown(data.model_copy(update={"matched": [one.model_copy(update={"reached": reached})]}))
    assert (f"(reached in {said} of replicates)" in text) if said else ("reached in" not in text)


def test_its_own_best_rate_is_chosen_on_the_other_half(data: Frontier) -> None:
    own = {one.method: one for one in data.own_best if one.outcome == GENERAL}
    assert own["wise_ft"].rates == [0.0012]
    assert own["wise_ft"].math is not None and own["wise_ft"].math.value == pytest.approx(0.8, abs=0.04)
    assert own["sft"].difference is None


def test_validation_rows_choose_the_rate_where_every_run_has_them() -> None:
    """They prefer the lower rate, at which every method has less downstream accuracy."""
    base, runs = made(seeds=2)
    right = {0.0008: 30, 0.0012: 20}
    validation = {
        rate: {run: {f"row-{n}": n < right[rate] for n in range(40)} for run in of} for rate, of in runs.items()
    }

    def built() -> Frontier:
        return build("nano", True, measured(base, runs, validation=validation), confidence=0.95, resamples=100, seed=0)

    found = built()
    assert found.validation_rows == 40 and {rate for one in found.own_best for rate in one.rates} == {0.0008}
    wise = next(one for one in found.own_best if one.method == "wise_ft")
    assert wise.math == next(one.math for one in found.points if (one.method, one.rate) == ("wise_ft", 0.0008))
    assert "own best rate, chosen on 40 validation rows that no benchmark holds" in markdown(found)
    validation[0.0012]["dft/1"] = {"another": True}
    with pytest.raises(FrontierError, match="other validation rows"):
        built()
    del validation[0.0012]["dft/1"]
    found = built()
    assert found.validation_rows is None and "chosen on half of the downstream" in markdown(found)
    assert 0.0012 in {rate for one in found.own_best for rate in one.rates}


@pytest.mark.parametrize(
    ("shift", "general", "expected"), [(0.0, 0.6, "gradual"), (0.2, 0.6, "cliff"), (0.0, 0.3, "lost")]
)
def test_the_regime_of_a_rate_is_told_from_sft_alone(shift: float, general: float, expected: str) -> None:
    base, runs = made(shift=shift, skill=SKILL | {"sft": [(0.7, 0.9), (0.8, general)]})
    found = build("nano", True, measured(base, runs), confidence=0.95, resamples=100, seed=0)
    assert [one.name for one in found.regimes] == ["gradual", expected]


def test_one_seed_carries_no_p_value() -> None:
    base, runs = made(seeds=2)
    for rate in RATES:
        del runs[rate]["dft/1"]
    found = build("nano", True, measured(base, runs), confidence=0.95, resamples=100, seed=0)
    told = {one.method: one for one in found.same_rate if one.rates == [RATES[0]]}
    assert told["dft"].difference and told["dft"].p is None and told["dft"].holm is None
    assert told["wise_ft"].p is not None and told["wise_ft"].holm is not None


def test_seeds_of_other_numbers_are_other_seeds() -> None:
    """DFT's two models at the higher rate are of seeds 0 and 1, as those at the lower, or of 2 and 3."""
    base, runs = made(seeds=2)
    renamed = {"dft/0": "dft/2", "dft/1": "dft/3"}
    other = runs | {RATES[1]: {renamed.get(name, name): of for name, of in runs[RATES[1]].items()}}
    one, two = (
        build("nano", True, measured(base, of), confidence=0.95, resamples=400, seed=0).matched for of in (runs, other)
    )
    pairs = [(a, b) for a, b in zip(one, two, strict=True) if a.method == "dft" and a.difference]
    assert pairs and all(a.difference and b.difference and a.difference.value == b.difference.value for a, b in pairs)
    assert any(a.difference != b.difference for a, b in pairs), "no move is shared between the rates"


def test_questions_of_one_passage_are_drawn_together() -> None:
    """Ten questions a passage, answered alike, in one of two downstream benchmarks."""
    name = "nano_seen_kinds"
    base, runs = made(seeds=2)
    for one in (base, *(of for by_run in runs.values() for of in by_run.values())):
        one[name] = {f"{name}-{n}": one[name][f"{name}-{n // 10 * 10}"] for n in range(QUESTIONS)}
    passages = {name: {f"{name}-{n}": f"passage-{n // 10}" for n in range(QUESTIONS)}}
    apart, together = (
        build("nano", True, measured(base, runs, clusters=clusters), confidence=0.95, resamples=400, seed=0).base_math
        for clusters in ({}, passages)
    )
    width = lambda one: one.high - one.low  # noqa: E731
    assert width(together) > 1.5 * width(apart)


def test_a_level_below_the_lowest_rate_is_marked(data: Frontier) -> None:
    low = min(one.level for one in data.matched if one.level)
    high = max(one.level for one in data.matched if one.level)
    marked = {(one.method, one.level): one.unmeasured for one in of(data, GENERAL)}
    assert marked["dft", low] and not marked["dft", high]


def test_another_method_can_be_what_all_are_held_against(data: Frontier) -> None:
    base, runs = made()
    options: Any = {"confidence": 0.95, "resamples": 500, "seed": 0}
    theirs = build("nano", True, measured(base, runs, moved()), against="wise_ft", **options)
    assert (theirs.points, theirs.regimes) == (data.points, data.regimes), "SFT's levels and regimes, whoever it is"
    assert {one.level for one in theirs.matched} == {one.level for one in data.matched}

    def pairs(of: Frontier, method: str) -> list[Difference]:
        compared = (*of.matched, *of.same_rate, *of.own_best)
        return [one for one in compared if one.method == method and one.difference]

    assert pairs(theirs, "sft") and not pairs(theirs, "wise_ft")
    for one, other in zip(pairs(theirs, "sft"), pairs(data, "wise_ft"), strict=True):
        assert (one.reference, other.reference) == ("wise_ft", "sft") and one.difference and other.difference
        assert one.difference.value == pytest.approx(-other.difference.value)
        assert (one.difference.low, one.difference.high) == pytest.approx(
            (-(other.difference.high or 0), -(other.difference.low or 0))
        )
        assert one.p == other.p
    label = method_label("wise_ft")
    page, text = render(theirs), markdown(theirs)
    assert f"with {label} dashed behind it" in page and f"against {label}, points" in text
    assert "against SFT" not in text and f"differences from {label}" in text


def test_what_nothing_can_be_held_against_is_said() -> None:
    base, runs = made(seeds=1)
    options: Any = {"confidence": 0.95, "resamples": 100, "seed": 0}
    with pytest.raises(FrontierError, match="against sft_kl: it is not among the runs, which are of dft, self_sft"):
        build("nano", True, measured(base, runs), against="sft_kl", **options)
    for rate in RATES:
        runs[rate] |= {"sft_kl=0.5/0": runs[rate]["dft/0"], "sft_kl=2/0": runs[rate]["dft/0"]}
    with pytest.raises(FrontierError, match=r"against sft_kl: it was run at several strengths \(0\.5, 2\)"):
        build("nano", True, measured(base, runs), against="sft_kl", **options)


def test_what_cannot_be_compared_is_refused() -> None:
    base, runs = made(seeds=1)
    options = {"confidence": 0.95, "resamples": 100, "seed": 0}
    with pytest.raises(FrontierError, match="two learning rates or more"):
        build("nano", True, measured(base, {0.1: runs[RATES[0]]}), **options)
    del runs[RATES[1]]["sft/0"], runs[RATES[0]]["sft/0"]
    with pytest.raises(FrontierError, match="sft is not among the runs"):
        build("nano", True, measured(base, runs), **options)
    runs[RATES[0]]["dft/0"] = {name: dict(list(of.items())[1:]) for name, of in base.items()}
    with pytest.raises(FrontierError, match=r"dft/0 at 0\.0008 was asked other questions"):
        build("nano", True, measured(base, runs), **options)


def test_the_page_says_where_an_interval_holds_no_seeds(data: Frontier) -> None:
    def page(seeds: tuple[int, int]) -> str:
        points = [one.model_copy(update={"seeds": seeds[one.method == "dft"]}) for one in data.points]
        return render(data.model_copy(update={"points": points}))

    assert "replicates over questions and seeds</span>" in page((3, 3))
    assert "replicates over questions and seeds; of a point with one seed, over questions alone</span>" in page((3, 1))
    assert "replicates over questions alone: every point is one seed" in page((1, 1))


def test_page_tables_and_json_hold_it(data: Frontier, tmp_path: Path) -> None:
    page = render(data)
    assert "nano:</b> a toy backbone" in page and "<script" not in page and page.count('<svg class="chart"') == 4
    assert all(one.title.split(":")[0] in markdown(data) for one in tables(data))
    assert Frontier.model_validate(json.loads(data.model_dump_json())) == data


def test_averages_of_one_model_are_drawn_as_one_curve_that_ends_at_the_model() -> None:
    among = ["wise_ft_25", "sft_kl", "wise_ft_75", "wise_ft", "agent_wise_ft"]
    assert averages_of("wise_ft", among) == ["wise_ft_25", "wise_ft", "wise_ft_75", "sft"]
    assert averages_of("sft_kl", among) == ["sft_kl"]
    assert averages_of("wise_ft_75", ["wise_ft_75", "sft_kl"]) == ["wise_ft_75"], "alone it has its curve over rates"


def test_the_points_set_the_axis_and_an_interval_that_goes_on_beyond_it_is_an_arrow(data: Frontier) -> None:
    values = [100 * one.value for one in (data.base_general, *(point.general for point in data.points))]
    points = [one for one in data.points if one.method != "wise_ft"]
    for point in data.points_of("wise_ft"):
        wide = Estimate(value=point.general.value, low=0.0, high=1.0)
        points.append(point.model_copy(update={"general": wide}))
    widened = data.model_copy(update={"points": points})
    low, high = figure._limits(widened, GENERAL)[1]
    assert high - low < 1.6 * (max(values) - min(values)) and low < min(values) and max(values) < high
    drawn, before = (str(figure.frontier_figure(one, WIDE)) for one in (widened, data))
    assert drawn.count("<path") >= before.count("<path") + 4  # up and down at two rates
