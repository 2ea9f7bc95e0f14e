"""The intervals of the report hold what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tasks.report.schema.values import Contrast
from tasks.report.statistics.statistics import (
    contrast,
    corrected,
    draw,
    holm,
    mean_over_rows,
    percentile,
    proportion,
    seed_weights,
    share,
    two_sided,
    wilson,
)


@given(st.integers(0, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_a_wilson_interval_holds_the_rate_and_stays_a_share(counts, confidence):
    successes, n = counts
    low, high = wilson(successes, n, confidence)
    rate = successes / n if n else 0.5
    assert 0 <= low <= rate <= high <= 1
    mirrored = wilson(n - successes, n, confidence)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


def test_a_wilson_interval_is_the_closed_form():
    k, n, z = 82, 200, stats.norm.ppf(0.975)
    centre, half = (k + z * z / 2) / (n + z * z), z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    assert wilson(k, n) == pytest.approx((centre - half, centre + half), abs=1e-12)


@given(st.integers(1, 400), st.integers(1, 8))
def test_more_rows_make_a_wilson_interval_narrower(n, factor):
    one, many = proportion(n // 2, n), proportion((n // 2) * (factor + 1), n * (factor + 1))
    assert many.high - many.low < one.high - one.low


@pytest.mark.parametrize("counts", [(-1, 3), (4, 3), (1, 0)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="expected 0 <= successes <= n"):
        wilson(*counts)


def test_what_is_of_the_same_rows_is_drawn_together():
    marks = np.random.default_rng(1).integers(0, 2, (2, 80)).astype(float)
    correct = {"sft": {"b": marks, "pass@n of b": 1 - marks, "c": marks}}
    together = draw(correct, 300, rows_of=lambda name: name.removeprefix("pass@n of "))["sft"]
    assert together["b"] + together["pass@n of b"] == pytest.approx(np.ones(301))
    assert not np.allclose(together["b"], together["c"])


def _methods(draw_, n_methods, seeds, rows):
    random = np.random.default_rng(draw_)
    return {f"m{i}": {"b": random.integers(0, 2, (seeds, rows)).astype(float)} for i in range(n_methods)}


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 60))
def test_replicate_0_is_the_data_and_the_interval_of_a_share_is_one(number, seeds, rows):
    correct = _methods(number, 2, seeds, rows)
    drawn = draw(correct, resamples=50)
    for method, by_name in correct.items():
        assert drawn[method]["b"].shape == (51,)
        assert drawn[method]["b"][0] == pytest.approx(by_name["b"].mean())
        found = share(drawn[method]["b"])
        assert -1e-12 <= found.low <= found.value <= found.high <= 1 + 1e-12


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 80))
def test_a_method_never_differs_from_itself(number, rows):
    """Paired over rows: with one seed, the same answers give a difference of exactly zero in every replicate."""
    answers = _methods(number, 1, 1, rows)["m0"]["b"]
    drawn = draw({"a": {"b": answers}, "again": {"b": answers.copy()}}, resamples=40)
    assert np.allclose(drawn["a"]["b"], drawn["again"]["b"], atol=1e-12)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_the_order_of_rows_and_seeds_does_not_move_the_estimate(number):
    random = np.random.default_rng(number)
    correct = random.integers(0, 2, (3, 40)).astype(float)
    shuffled = correct[random.permutation(3)][:, random.permutation(40)]
    one = percentile(draw({"m": {"b": correct}}, resamples=2000)["m"]["b"])
    two = percentile(draw({"m": {"b": shuffled}}, resamples=2000)["m"]["b"])
    assert one.value == pytest.approx(two.value)
    assert (one.high - one.low) == pytest.approx(two.high - two.low, rel=0.25)


def test_one_seed_and_one_benchmark_is_the_plain_bootstrap_of_scipy():
    answers = (np.random.default_rng(1).random(300) < 0.4).astype(float)
    ours = percentile(draw({"m": {"b": answers[None]}}, resamples=4000)["m"]["b"])
    theirs = stats.bootstrap((answers,), np.mean, n_resamples=4000, method="percentile", rng=0).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_seeds_that_disagree_widen_the_interval():
    random = np.random.default_rng(0)
    alike = np.repeat((random.random((1, 400)) < 0.5).astype(float), 3, axis=0)
    apart = np.stack([(random.random(400) < rate).astype(float) for rate in (0.3, 0.5, 0.7)])
    width = lambda m: (lambda e: e.high - e.low)(percentile(draw({"m": {"b": m}})["m"]["b"]))  # noqa: E731
    assert width(apart) > 1.5 * width(alike)


def test_pairing_over_rows_narrows_a_difference():
    """Two methods that agree on all rows but a few: the paired interval is far narrower than the unpaired one."""
    random = np.random.default_rng(0)
    one = (random.random((1, 500)) < 0.5).astype(float)
    two = one.copy()
    two[0, :25] = 1
    drawn = draw({"one": {"b": one}, "two": {"b": two}})
    paired = percentile(drawn["two"]["b"] - drawn["one"]["b"])
    apart = percentile(draw({"m": {"b": two}})["m"]["b"] - draw({"m": {"b": one}}, seed=9)["m"]["b"])
    assert paired.low > 0
    assert apart.high - apart.low > 3 * (paired.high - paired.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    random, hits, trials = np.random.default_rng(7), 0, 200
    for trial in range(trials):
        answers = (random.random((1, 150)) < 0.35).astype(float)
        estimate = percentile(draw({"m": {"b": answers}}, resamples=400, seed=trial)["m"]["b"])
        hits += estimate.low <= 0.35 <= estimate.high
    assert 0.90 <= hits / trials <= 0.99


@pytest.mark.parametrize(("n", "others"), [(2, 0), (3, 0), (8, 0), (2, 1), (3, 5)])
def test_a_mean_over_seeds_moves_as_students_t_does(n, others):
    """On the seeds' values alone, whatever they are: mean + sd / sqrt(n) · t, also where the method has others."""
    values, seeds = np.random.default_rng(3).exponential(size=n), tuple(range(n))
    weights = seed_weights(np.random.default_rng(0), 20_000, [tuple(range(n + others)), seeds])[seeds]
    assert weights[0] == pytest.approx(1 / n) and weights.sum(axis=1) == pytest.approx(1)
    t = (weights[1:] @ values - values.mean()) / (values.std(ddof=1) / np.sqrt(n))
    assert stats.kstest(t, stats.t(n - 1).cdf).pvalue > 0.01


def called_different(spreads, seeds, apart=0.0, trials=200):
    """Share of studies whose p-value is below 0.05: seeds normal about means that lie so far apart."""
    random, called = np.random.default_rng(5), 0
    rows = random.normal(0, 0.01, 20)  # of questions hardly anything: it is the seeds that are asked about
    for trial in range(trials):
        skill = {
            m: random.normal(at, sd, (seeds, 1)) for m, at, sd in zip("ab", (0.7, 0.7 + apart), spreads, strict=True)
        }
        drawn = draw({m: {"b": one + rows} for m, one in skill.items()}, 199, trial)
        called += two_sided(drawn["a"]["b"] - drawn["b"]["b"]) < 0.05
    return called / trials


@pytest.mark.parametrize("spreads", [(0.12, 0.12), (0.005, 0.12)])
def test_of_three_seeds_no_difference_is_called_one_no_more_often_than_it_says(spreads):
    """A percentile bootstrap of the seeds calls 19 and 22 % of them one."""
    assert called_different(spreads, 3) < 0.08


def test_three_seeds_that_lie_apart_in_one_benchmark_of_three_are_no_proof():
    """As SFT at a cliff, against a method that keeps all: Student's t with two degrees of freedom. Replicates that are
    kept below 1 one benchmark at a time would say a tenth of its p-value."""
    cliff = np.repeat([[0.26], [0.67], [0.0]], 100, axis=1)
    correct = {
        "sft": {"a": cliff, "b": np.full((3, 100), 0.97), "c": np.full((3, 100), 0.97)},
        "keeps": {name: np.full((3, 100), 0.99) for name in "abc"},
    }
    drawn = draw(correct, 4000)
    by_seed = np.mean([of.mean(axis=1) for of in correct["sft"].values()], axis=0)
    differences = np.mean([drawn["keeps"][name] - drawn["sft"][name] for name in "abc"], axis=0)
    expected = stats.ttest_1samp(by_seed, 0.99).pvalue
    assert two_sided(differences) == pytest.approx(expected, rel=0.15)


def test_eight_seeds_see_a_difference_of_five_standard_errors():
    assert called_different((0.04, 0.04), 8, apart=0.1, trials=50) > 0.9


def test_names_of_one_method_move_with_the_same_seeds():
    """Seeds that lie alike at two rates: their difference does not move, which apart it does."""
    answers = np.repeat([[0.0], [0.5], [1.0]], 50, axis=1)
    drawn = draw({"sft@1": {"b": answers}, "sft@2": {"b": answers / 2}}, 100, of=lambda name: name.partition("@")[0])
    assert drawn["sft@1"]["b"] == pytest.approx(2 * drawn["sft@2"]["b"])
    apart = draw({"sft@1": {"b": answers}, "sft@2": {"b": answers / 2}}, 100)
    assert np.ptp(apart["sft@1"]["b"] - 2 * apart["sft@2"]["b"]) > 0.2


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [((0, 1, 2), (0, 2), 1.0), ((0, 1, 2), (0, 1), 1 / 3), ((0, 1), (1, 2), -1 / 3), ((0, 1), (2, 3), 0.0)],
)
def test_a_seed_of_one_number_moves_alike_where_others_are_missing(first, second, together):
    """Each seed has a level of its own, the same at both rates: how often the two means move to the same side. Where
    the moves correlate by r it is 2 / pi asin(r): of z2 − z0 and z1 − z0 a third."""
    numbers = {"sft@1": first, "sft@2": second}
    correct = {name: {"b": np.repeat([[seed / 4] for seed in seeds], 20, axis=1)} for name, seeds in numbers.items()}
    drawn = draw(correct, 8000, of=lambda name: name.partition("@")[0], numbers=numbers)
    one, two = (drawn[name]["b"][1:] - drawn[name]["b"][0] for name in numbers)
    assert np.mean(np.sign(one) * np.sign(two)) == pytest.approx(together, abs=0.04)


def test_rows_of_a_group_are_drawn_whole():
    """Forty passages with five questions each that are answered alike: forty questions' worth, not two hundred."""
    passages = (np.random.default_rng(2).random((1, 40)) < 0.4) * 1.0
    answers, labels = np.repeat(passages, 5, axis=1), [f"passage {n // 5}" for n in range(200)]
    width = lambda drawn: (lambda e: e.high - e.low)(percentile(drawn["m"]["b"]))  # noqa: E731
    whole = width(draw({"m": {"b": answers}}, clusters={"b": labels}))
    assert whole == pytest.approx(width(draw({"m": {"b": passages}})), rel=0.1)
    assert whole > 1.8 * width(draw({"m": {"b": answers}}))


def test_groups_of_other_sizes_count_by_their_rows():
    answers = np.array([[1.0, 1.0, 1.0, 0.0]])
    drawn = draw({"m": {"b": answers}}, 4000, clusters={"b": ["a", "a", "a", "b"]})["m"]["b"]
    assert sorted(set(drawn.round(6))) == [0.0, 0.75, 1.0]


def test_methods_with_other_rows_are_refused():
    with pytest.raises(ValueError, match="join them by id"):
        draw({"a": {"b": np.ones((1, 4))}, "c": {"b": np.ones((1, 5))}})


def test_a_missing_seed_is_refused():
    with pytest.raises(ValueError, match="1 of 2 seeds"):
        draw({"a": {"b": np.ones((2, 4)), "c": np.ones((1, 4))}})


def test_the_same_seed_gives_the_same_interval():
    correct = {"m": {"b": np.eye(7)[:3]}}
    assert (draw(correct, 100)["m"]["b"] == draw(correct, 100)["m"]["b"]).all()


def test_a_large_benchmark_is_resampled_in_blocks_of_bounded_memory():
    answers = np.zeros((1, 14_000))
    answers[:, ::3] = 1
    estimate = percentile(draw({"m": {"mmlu": answers}}, resamples=400)["m"]["mmlu"])
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * np.sqrt(2 / 9 / 14_000), rel=0.2)


@settings(max_examples=30)
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=60))
def test_a_mean_over_rows_lies_in_its_interval(values):
    estimate = mean_over_rows(np.array(values), resamples=60)
    assert estimate.low <= estimate.value <= estimate.high
    assert estimate.value == pytest.approx(np.mean(values))


def test_no_rows_or_nan_are_refused():
    for values in ([], [1.0, float("nan")]):
        with pytest.raises(ValueError, match="finite"):
            mean_over_rows(np.array(values))


def test_ratios_to_zero_are_left_out_of_the_interval():
    estimate = percentile(np.array([1.0, 0.5, np.inf, 1.5, np.nan]))
    assert estimate.low >= 0.5 and estimate.high <= 1.5


def test_holm_is_the_worked_example():
    # Holm 1979 by hand: 4 x 0.005, 3 x 0.01, then no smaller than the one before: 2 x 0.03, 1 x 0.04 -> 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_family_is_corrected_for_those_that_have_a_p_value():
    found = [Contrast(value=0.1, p=0.01), Contrast(value=0.2), Contrast(value=0.3, p=0.04)]
    corrected(found)
    assert [one.holm for one in found] == [0.02, None, 0.04]


def test_a_difference_with_a_single_trained_seed_has_no_p_value():
    values = np.concatenate([[0.5], np.linspace(0.1, 0.9, 100)])
    assert contrast(values, 0.95, [3, 1]).p is None and contrast(values, 0.95, [3, 3]).p == two_sided(values)
    assert contrast(values, 0.95, []).p == two_sided(values), "nothing was trained"
    assert contrast(values[:1], 0.95, [3, 3]).p is None, "nothing was resampled"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_the_values_and_bonferroni_and_keeps_their_order(values):
    found = holm(values)
    assert all(p <= q <= min(1.0, len(values) * p) + 1e-12 for p, q in zip(values, found, strict=True))
    order = sorted(range(len(values)), key=lambda place: values[place])
    assert [found[place] for place in order] == sorted(found)


def test_a_bootstrap_p_value_is_that_of_the_normal_distribution():
    random = np.random.default_rng(3)
    for centre in (0.0, 1.0, 2.0):
        replicates = np.concatenate([[centre], random.normal(centre, 1.0, 100_000)])
        assert two_sided(replicates) == pytest.approx(2 * stats.norm.sf(centre), abs=0.01)
    assert two_sided(np.ones(1001)) == pytest.approx(2 / 1001)
    assert two_sided(np.full(1001, 2e-16)) == 1, "rounding is no difference"


def test_replicates_without_a_figure_are_counted_into_the_tail():
    found = np.concatenate([[0.1], np.full(96, 0.1), np.full(3, np.nan)])
    assert two_sided(found) == pytest.approx(2 * (1 + 3) / (1 + 99))
    found[1] = -0.1
    assert two_sided(found) == pytest.approx(2 * (1 + 1 + 3) / (1 + 99))
    assert two_sided(np.full(100, np.nan)) == 1
