"""What the group reward promises: eqs. 3 to 12 as a slow reader would compute them, and calm at the edges."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from tasks.rewards.config import RewardConfig
from tasks.rewards.diversity import marginal_contributions, pairwise_distances, set_diversity
from tasks.rewards.group import group_advantages, group_rewards, whole_groups

VARIANTS = ["full", "no_dist", "no_div", "task_only", "soft_shaping"]


def read_diversity(vectors):
    """Eqs. 9 and 10, pair by pair; a singleton's diversity is 0."""
    m = len(vectors)
    if m < 2:
        return 0.0
    total = 0.0
    for i, j in itertools.combinations(range(m), 2):
        cosine = sum(a * b for a, b in zip(vectors[i], vectors[j], strict=True))
        cosine /= math.sqrt(sum(a * a for a in vectors[i])) * math.sqrt(sum(b * b for b in vectors[j]))
        total += (1 - cosine) / 2
    return 2 / (m * (m - 1)) * total


def read_rewards(passed, nll, vectors, config):
    """Eq. 3 read off the paper, one candidate after the other, with sets and loops."""
    k = len(passed)
    feasible = [i for i in range(k) if passed[i] is True]
    judged = [i for i in range(k) if passed[i] is not None]
    shaped = judged if config.variant == "soft_shaping" else feasible
    dist_weight = 0 if config.variant in ("no_dist", "task_only") else config.lambda_dist
    div_weight = 0 if config.variant in ("no_div", "task_only") else config.lambda_div
    totals = [0.0] * k
    for i in judged:
        totals[i] = 1.0 if passed[i] else 0.0
        if i in shaped:
            mean = sum(nll[j] for j in shaped) / len(shaped)
            deviation = math.sqrt(sum((nll[j] - mean) ** 2 for j in shaped) / len(shaped))
            r_dist = 1 / (1 + math.exp((nll[i] - mean) / (deviation + config.epsilon)))
            r_div = 0.0
            if len(shaped) >= 2:
                others = [vectors[j] for j in shaped if j != i]
                r_div = max(0.0, read_diversity([vectors[j] for j in shaped]) - read_diversity(others))
            totals[i] += dist_weight * r_dist + div_weight * r_div
    for i in range(k):
        if passed[i] is None:
            totals[i] = sum(totals[j] for j in judged) / len(judged) if judged else 0.0
    return totals


@st.composite
def groups(draw, verdicts=(True, False, None), least=1):
    k = draw(st.integers(least, 12))
    passed = draw(st.lists(st.sampled_from(verdicts), min_size=k, max_size=k))
    nll = draw(arrays(np.float64, k, elements=st.floats(0, 50)))
    vectors = draw(arrays(np.float64, (k, 4), elements=st.floats(-1, 1)))
    vectors[:, 0] += np.where(np.linalg.norm(vectors, axis=1) < 1e-3, 1.0, 0.0)
    return passed, nll, vectors


@settings(max_examples=200)
@given(groups(), st.sampled_from(VARIANTS), st.floats(0, 10), st.floats(0, 10))
def test_equals_a_brute_force_reading_of_the_paper(group, variant, lambda_dist, lambda_div):
    passed, nll, vectors = group
    config = RewardConfig(variant=variant, lambda_dist=lambda_dist, lambda_div=lambda_div)
    rewards = group_rewards(passed, nll, vectors, config)
    np.testing.assert_allclose(rewards.total, read_rewards(passed, nll, vectors, config), atol=1e-9)


@settings(max_examples=100)
@given(groups(), st.sampled_from(VARIANTS), st.randoms(use_true_random=False))
def test_a_permutation_of_the_group_permutes_the_rewards(group, variant, random):
    passed, nll, vectors = group
    config = RewardConfig(variant=variant)
    order = list(range(len(passed)))
    random.shuffle(order)
    before = group_rewards(passed, nll, vectors, config)
    after = group_rewards([passed[i] for i in order], nll[order], vectors[order], config)
    np.testing.assert_allclose(after.total, before.total[order], atol=1e-9)
    np.testing.assert_allclose(after.r_div, before.r_div[order], atol=1e-9)


@settings(max_examples=100)
@given(groups(verdicts=(True,), least=3))
def test_from_three_candidates_on_the_marginals_sum_to_zero(group):
    distances = pairwise_distances(group[2])
    assert abs(marginal_contributions(distances).sum()) < 1e-9
    assert np.all((distances >= 0) & (distances <= 1))


@settings(max_examples=100)
@given(groups())
def test_rewards_are_bounded_and_failing_candidates_get_nothing(group):
    passed, nll, vectors = group
    config = RewardConfig(lambda_dist=1, lambda_div=1)
    rewards = group_rewards(passed, nll, vectors, config)
    for verdict, total in zip(passed, rewards.total, strict=True):
        if verdict is False:
            assert total == 0
        if verdict is True:
            assert 1 < total < 1 + 1 + 1
    assert np.all(np.isfinite(rewards.total))


@given(st.integers(3, 9), st.integers(2, 5))
def test_the_mean_diversity_of_subsets_is_the_diversity_of_the_set(size, m):
    vectors = np.random.default_rng(size).normal(size=(size, 3))
    m = min(m, size)
    subsets = [set_diversity(pairwise_distances(vectors[list(s)])) for s in itertools.combinations(range(size), m)]
    assert np.mean(subsets) == pytest.approx(set_diversity(pairwise_distances(vectors)))


def test_lower_nll_means_higher_reward_within_the_group():
    rewards = group_rewards([True] * 4, [0.1, 0.5, 0.9, 2.0], None, RewardConfig(variant="no_div"))
    assert np.all(np.diff(rewards.r_dist) < 0)
    assert rewards.r_dist.mean() == pytest.approx(0.5, abs=0.05)


def test_all_candidates_fail():
    rewards = group_rewards([False] * 5, [math.nan] * 5, np.ones((5, 3)), RewardConfig())
    assert rewards.total.tolist() == [0] * 5
    assert rewards.feasible == 0 and rewards.diversity is None and not rewards.has_signal


def test_one_candidate_passes():
    rewards = group_rewards([False, True, False], [math.nan, 7.0, math.nan], np.eye(3), RewardConfig(lambda_dist=1))
    assert rewards.r_dist.tolist() == [0, 0.5, 0]
    assert rewards.r_div.tolist() == [0, 0, 0]
    assert rewards.total.tolist() == [0, 1.5, 0]
    assert rewards.has_signal


def test_a_pair_earns_its_distance_each():
    rewards = group_rewards([True, True], [1.0, 1.0], [[1, 0], [0, 2.0]], RewardConfig())
    assert rewards.r_div == pytest.approx([0.5, 0.5])
    assert rewards.diversity == pytest.approx(0.5)


def test_identical_candidates_have_no_diversity_and_no_signal():
    rewards = group_rewards([True] * 10, [0.4] * 10, np.tile([0.3, 0.1, 0.7], (10, 1)), RewardConfig())
    assert rewards.diversity == pytest.approx(0, abs=1e-12)
    assert rewards.r_dist == pytest.approx([0.5] * 10)
    assert not rewards.has_signal


def test_near_equal_nlls_are_not_blown_up_to_full_scale():
    nll = 0.5 + 1e-7 * np.arange(10)
    rewards = group_rewards([True] * 10, nll, None, RewardConfig(variant="no_div"))
    assert np.ptp(rewards.r_dist) < 1e-3


def test_an_empty_or_truncated_rewrite_fails_and_needs_neither_nll_nor_embedding():
    embeddings = np.array([[1.0, 0], [0, 0], [0, 1.0], [math.nan, math.nan]])
    rewards = group_rewards([True, False, True, False], [0.2, math.nan, 0.4, math.inf], embeddings, RewardConfig())
    assert rewards.total[[1, 3]].tolist() == [0, 0]
    assert np.all(np.isfinite(rewards.total))


def test_a_candidate_without_a_verdict_gets_zero_advantage_and_changes_nobody_elses_components():
    nll, vectors = [0.2, 0.4, 0.9, 5.0], np.eye(4)
    whole = group_rewards([True, False, True, None], nll, vectors, RewardConfig())
    without = group_rewards([True, False, True], nll[:3], vectors[:3], RewardConfig())
    np.testing.assert_allclose(whole.total[:3], without.total)
    advantages = group_advantages(whole.total, 1e-4)
    assert advantages[3] == pytest.approx(0, abs=1e-12)
    assert whole.has_verdict.tolist() == [True, True, True, False]


def test_a_group_without_any_verdict_has_no_signal():
    rewards = group_rewards([None] * 3, [math.nan] * 3, None, RewardConfig())
    assert rewards.total.tolist() == [0, 0, 0]


def test_soft_shaping_pays_failing_candidates_too():
    rewards = group_rewards([True, False, False], [0.9, 0.1, 0.5], np.eye(3), RewardConfig(variant="soft_shaping"))
    assert rewards.r_dist[1] > rewards.r_dist[2] > rewards.r_dist[0] > 0
    assert rewards.r_task.tolist() == [1, 0, 0]


def test_ablated_terms_do_not_count_but_are_still_logged():
    rewards = group_rewards([True, True], [0.1, 0.9], np.eye(2), RewardConfig(variant="task_only"))
    assert rewards.total.tolist() == [1, 1]
    assert rewards.r_dist[0] > rewards.r_dist[1] and rewards.diversity == pytest.approx(0.5)


def test_with_soft_shaping_a_candidate_with_nothing_to_score_gets_its_gate_alone():
    config = RewardConfig(variant="soft_shaping")
    rewards = group_rewards([True, False, False], [0.2, 0.9, math.inf], np.eye(3), config)
    assert rewards.shaped.tolist() == [True, True, False]
    assert rewards.total[2] == 0 and rewards.total[1] > 0
    without = group_rewards([True, False], [0.2, 0.9], np.eye(3)[:2], config)
    assert rewards.total[:2].tolist() == without.total.tolist()


def test_a_missing_nll_or_embedding_is_an_error_not_a_zero():
    with pytest.raises(ValueError, match=r"candidates \[1\] need an NLL"):
        group_rewards([True, True], [0.1, math.nan], np.eye(2), RewardConfig())
    with pytest.raises(ValueError, match="embeddings"):
        group_rewards([True, True], [0.1, 0.2], None, RewardConfig())
    with pytest.raises(ValueError, match=r"embeddings \[1\] are zero"):
        group_rewards([True, True], [0.1, 0.2], [[1, 0], [0, 0]], RewardConfig())
    with pytest.raises(ValueError, match="a group of 2 candidates came with"):
        group_rewards([True, True], [0.1, 0.2, 0.3], None, RewardConfig())


def test_a_reward_call_must_hold_whole_groups():
    found = whole_groups(["a", "b", "a", "b"], 2)
    assert [group.tolist() for group in found] == [[0, 2], [1, 3]]
    with pytest.raises(ValueError, match="whole groups of 2"):
        whole_groups(["a", "a", "b"], 2)


def test_a_configuration_that_makes_no_sense_is_refused():
    with pytest.raises(ValidationError):
        RewardConfig(lambda_dist=-1)
    with pytest.raises(ValidationError):
        RewardConfig(variant="hard")


def test_alone_every_passing_rewrite_earns_the_same_as_the_released_reward_does() -> None:
    """1 + 0.35 / 2 = 1.175, whatever its NLL and its neighbours (the authors' code, run with constants)."""
    config = RewardConfig(variant="alone", lambda_dist=0.35, lambda_div=0.5, epsilon=1e-6)
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.2]])
    found = group_rewards([True, True, True, False], [0.2, 1.0, 3.0, 0.1], vectors, config)
    assert found.total.tolist() == pytest.approx([1.175, 1.175, 1.175, 0.0])
    assert found.diversity is not None and found.diversity > 0, "D(S+) is told all the same"
