"""pass@k is the unbiased estimator, of those questions that it is asked of, and in no key where it is not."""

from fractions import Fraction
from itertools import combinations, product

import pytest
from scipy.stats import binom

from tasks.evaluate.config import EvaluateConfig, SamplingConfig
from tasks.evaluate.pass_at_k import depths, joined, pass_at_k, summary
from tasks.runtime.key import config_for_key


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_pass_at_k_is_the_share_of_sets_of_k_samples_with_a_right_one(n: int) -> None:
    for right, k in product(range(n + 1), range(1, n + 1)):
        sets = list(combinations([at < right for at in range(n)], k))
        assert pass_at_k(n, right, k) == float(Fraction(sum(map(any, sets)), len(sets)))


@pytest.mark.parametrize(("p", "n", "k"), [(0.02, 200, 100), (0.3, 16, 8), (0.9, 10, 3)])
def test_its_mean_over_draws_is_what_k_answers_reach(p: float, n: int, k: int) -> None:
    """Unbiased (Chen et al. 2021, appendix A), where one minus (1 - c/n)^k is not."""
    drawn = binom(n, p).pmf(range(n + 1))
    assert sum(drawn[c] * pass_at_k(n, c, k) for c in range(n + 1)) == pytest.approx(1 - (1 - p) ** k, rel=1e-9)


def test_it_is_exact_where_binomials_have_hundreds_of_digits_and_refuses_what_cannot_be() -> None:
    assert pass_at_k(1000, 1, 500) == 0.5 and pass_at_k(1000, 0, 500) == 0.0 and pass_at_k(1000, 501, 500) == 1.0
    for wrong in ((4, 5, 1), (4, -1, 1), (4, 2, 0), (4, 2, 5)):
        with pytest.raises(ValueError, match="pass@"):
            pass_at_k(*wrong)
    assert (depths(2), depths(8), depths(10)) == ([1, 2], [1, 2, 4, 8], [1, 2, 4, 8, 10])


def test_every_question_has_all_its_samples_also_one_that_was_too_long_to_be_asked() -> None:
    said = {"text": "4", "finished": True, "tokens": 2}
    samples = joined([{"id": "a"}, {"id": "long"}], {f"a#{n:03}": said for n in range(3)}, 3)
    assert [(one["id"], one["sample"], one["tokens"]) for one in samples] == [
        *(("a", n, 2) for n in range(3)),
        *(("long", n, 0) for n in range(3)),
    ]
    marked = [one | {"correct": one["text"] == "4" and one["sample"] < 2} for one in samples]
    assert summary(marked) == {
        "samples": 3,
        "pass_at": {"1": pytest.approx(1 / 3), "2": 0.5, "3": 0.5},
        "sampled_tokens": 6,
        "sampled_truncated": 0,
    }


def test_only_downstream_questions_are_asked_several_times_and_only_their_keys_say_so() -> None:
    plain = EvaluateConfig(benchmarks=("nano_seen_kinds", "nano_facts")).by_benchmark()
    sampled = EvaluateConfig(benchmarks=("nano_seen_kinds", "nano_facts"), sampling=SamplingConfig()).by_benchmark()
    assert "sampling" not in config_for_key(plain["nano_seen_kinds"])
    assert sampled["nano_facts"] == plain["nano_facts"]
    assert config_for_key(sampled["nano_seen_kinds"])["sampling"] == {"answers": 16, "temperature": 0.8}
    everything = SamplingConfig(benchmarks="all")
    names = ("nano_seen_kinds", "nano_facts", "nano_facts_likelihood")
    of_all = EvaluateConfig(benchmarks=names, sampling=everything).by_benchmark()
    assert config_for_key(of_all["nano_seen_kinds"]) == config_for_key(sampled["nano_seen_kinds"])
    assert config_for_key(of_all["nano_facts"])["sampling"] == {"answers": 16, "temperature": 0.8}
    assert of_all["nano_facts_likelihood"].sampling is None
    with pytest.raises(ValueError, match="backend=vllm"):
        EvaluateConfig(backend="hf", sampling=SamplingConfig())
