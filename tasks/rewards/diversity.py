"""Semantic diversity of a set of rewrites and what each of them adds to it (eqs. 9 to 12), from the Gram matrix.

    three embeddings, two of them equal  ->  D = 2/3 d,  r_div = [0, 0, 2/3 d]

Closed form of eq. 11. With r_k the mean distance of candidate k to the other m - 1, taking k out of the set leaves
    D(S without k) = (m D(S) - 2 r_k) / (m - 2)      so      Delta_k = 2 (r_k - D(S)) / (m - 2)      for m >= 3,
and the Delta_k sum to 0, because the r_k average to D(S). For m = 2 what is left is a singleton, whose diversity is 0
by convention, so Delta_k = D(S) for both.

D(S) is a mean over pairs, and every pair is in equally many subsets of size m: the mean of D over all subsets of size m
is D(S) itself. "D(S+) at fixed m" therefore only decides which groups are counted: those with at least m candidates.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pairwise_distances(embeddings: Floats) -> Floats:
    """d of eq. 9: half of one minus the cosine, clipped to [0, 1] against rounding.

    Args:
        embeddings: shape (m, d), of any length but 0; float64 is used whatever comes in.

    Returns:
        shape (m, m), symmetric, zero on the diagonal.

    Raises:
        ValueError: a vector is zero or not finite, so it has no direction.
    """
    vectors = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or np.any(lengths == 0):
        bad = np.flatnonzero(~np.isfinite(lengths[:, 0]) | (lengths[:, 0] == 0)).tolist()
        raise ValueError(f"embeddings {bad} are zero or not finite: eq. 9 needs a direction; check the embedder")
    unit = vectors / lengths
    distances = np.clip((1.0 - unit @ unit.T) / 2.0, 0.0, 1.0)
    np.fill_diagonal(distances, 0.0)
    return distances


def set_diversity(distances: Floats) -> float:
    """D of eq. 10 from the (m, m) distances; 0 for a set of fewer than two."""
    m = len(distances)
    return float(distances.sum() / (m * (m - 1))) if m >= 2 else 0.0


def marginal_contributions(distances: Floats) -> Floats:
    """Delta_k of eq. 11 for each of the m candidates, shape (m,), before the positive part; zeros for m < 2."""
    m = len(distances)
    if m < 2:
        return np.zeros(m)
    if m == 2:
        return np.full(2, set_diversity(distances))
    mean_distance = distances.sum(axis=1) / (m - 1)
    return 2.0 * (mean_distance - set_diversity(distances)) / (m - 2)


def diversity_rewards(distances: Floats) -> Floats:
    """r_div of eq. 12: the positive part of the marginal contributions, shape (m,)."""
    return np.maximum(marginal_contributions(distances), 0.0)
