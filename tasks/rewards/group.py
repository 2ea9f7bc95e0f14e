"""The reward of a group: K rewrites of one question (eq. 3 with eqs. 4 to 12 behind it).

    passed     [True, True, False, None]
    nll        [ 0.3,  0.9,   nan,  nan]     nats per token under pi_0(.|x)
    embeddings (4, d)
->  r_task     [ 1.0,  1.0,   0.0,  0.0]
    r_dist     [0.73, 0.27,   0.0,  0.0]
    r_div      [   D,    D,   0.0,  0.0]
    total      1 + lambda_dist r_dist + lambda_div r_div; 0 where the gate fails; where there is no verdict the mean
               of the others, which gives that candidate the advantage 0 in any engine
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.rewards.alignment import Floats, alignment_rewards
from tasks.rewards.config import RewardConfig
from tasks.rewards.diversity import diversity_rewards, pairwise_distances, set_diversity


@dataclass(frozen=True)
class GroupRewards:
    """What one group earned; arrays have shape (K,), in the order of the candidates."""

    total: Floats  # eq. 3, or the mean of the others where there is no verdict
    r_task: Floats  # eq. 5, in {0, 1}; 0 where there is no verdict
    r_dist: Floats  # eq. 8, 0 outside the set that is shaped
    r_div: Floats  # eq. 12, 0 outside the set that is shaped
    has_verdict: NDArray[np.bool_]
    shaped: NDArray[np.bool_]  # what r_dist and r_div are computed on: S+, with soft shaping all that have a verdict
    diversity: float | None  # D(S+) of eq. 10; None for fewer than two passing candidates, or without embeddings

    @property
    def feasible(self) -> int:
        """m, the size of S+."""
        return int(self.r_task.sum())

    @property
    def has_signal(self) -> bool:
        """Whether the totals differ at all; without that the group's advantages are all 0."""
        return bool(np.ptp(self.total) > 1e-12)


def group_rewards(
    passed: Sequence[bool | None], nll: ArrayLike, embeddings: ArrayLike | None, config: RewardConfig
) -> GroupRewards:
    """Eq. 3 for the K candidates of one question.

    Args:
        passed: length K. True and False are r_task; None is a candidate whose judge gave no verdict. It leaves the
            statistics of the group and gets the mean total of the others.
        nll: shape (K,), l_dist of eq. 6 in nats per token. Needed where a candidate is shaped and r_dist counts; nan
            elsewhere. inf for a candidate with nothing to score, of no tokens say: it is not shaped.
        embeddings: shape (K, d), f of eq. 9. Needed for the shaped candidates where r_div counts and they are two or
            more; None where it does not. Rows of candidates that are not shaped are not looked at.
        config: weights and variant.

    Raises:
        ValueError: shapes disagree, or an NLL or embedding that is needed is missing.
    """
    k = len(passed)
    nll = np.asarray(nll, dtype=np.float64)
    vectors = None if embeddings is None else np.asarray(embeddings, dtype=np.float64)
    if k == 0 or nll.shape != (k,) or (vectors is not None and (vectors.ndim != 2 or len(vectors) != k)):
        shape = None if vectors is None else vectors.shape
        raise ValueError(f"a group of {k} candidates came with nll {nll.shape} and embeddings {shape}")

    has_verdict = np.array([verdict is not None for verdict in passed])
    feasible = np.array([verdict is True for verdict in passed])
    shaped = (has_verdict if config.variant == "soft_shaping" else feasible) & ~np.isinf(nll)

    r_dist, r_div = np.zeros(k), np.zeros(k)
    # r_dist is computed for the log also where its weight is 0, if the NLLs are there.
    missing = shaped & np.isnan(nll)
    if config.variant == "alone":
        r_dist[shaped] = 0.5  # what eq. 8 gives the only one of its group
    elif not missing.any():
        r_dist[shaped] = alignment_rewards(nll[shaped], config.epsilon)
    elif config.weight_dist:
        raise ValueError(f"candidates {np.flatnonzero(missing).tolist()} need an NLL (nats per token) and have none")
    diversity = None
    if vectors is not None:
        if config.variant != "alone":
            r_div[shaped] = diversity_rewards(pairwise_distances(vectors[shaped]))
        if feasible.sum() >= 2:
            diversity = set_diversity(pairwise_distances(vectors[feasible]))
    elif config.weight_div and config.variant != "alone" and shaped.sum() >= 2:
        raise ValueError("r_div counts in this variant and two or more candidates need it: pass their embeddings")

    r_task = feasible.astype(np.float64)
    total = r_task + config.weight_dist * r_dist + config.weight_div * r_div
    if not has_verdict.all():
        total[~has_verdict] = total[has_verdict].mean() if has_verdict.any() else 0.0
    return GroupRewards(total, r_task, r_dist, r_div, has_verdict, shaped, diversity)


def whole_groups(group_ids: Sequence[str], k: int) -> list[NDArray[np.intp]]:
    """Positions of each group's K candidates, in order of first appearance.

    Rewards are statistics of a group, so half a group gives wrong numbers without any sign of it.

    Args:
        group_ids: one a candidate: the id of the row it rewrites.
        k: the group size.

    Raises:
        ValueError: a group has more or fewer than `k` members.
    """
    positions: dict[str, list[int]] = {}
    for position, group in enumerate(group_ids):
        positions.setdefault(group, []).append(position)
    broken = {group: len(found) for group, found in positions.items() if len(found) != k}
    if broken:
        raise ValueError(f"a reward call must hold whole groups of {k}, but has {dict(list(broken.items())[:5])}")
    return [np.array(found, dtype=np.intp) for found in positions.values()]


def group_advantages(total: ArrayLike, epsilon: float) -> Floats:
    """GRPO's advantage of each candidate of one group: (r - mean) / (deviation + epsilon), shape (K,).

    The deviation divides by K - 1, as TRL (epsilon 1e-4) and verl (1e-6) both do.
    """
    total = np.asarray(total, dtype=np.float64)
    deviation = total.std(ddof=1) if total.size > 1 else 0.0
    return (total - total.mean()) / (deviation + epsilon)
