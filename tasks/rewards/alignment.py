"""Distributional alignment: how likely a rewrite is under pi_0(.|x), against its feasible siblings (eqs. 7 and 8).

nll [0.2, 0.4, 0.9] nats per token  ->  r_dist [0.74, 0.58, 0.20]
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def alignment_rewards(nll: Floats, epsilon: float) -> Floats:
    """r_dist of the m candidates of S+ from their length-normalised NLLs (eq. 6).

    Eq. 7 with the population deviation, eq. 8 as it stands. One candidate alone has deviation 0 and score 0: 0.5.
    With m candidates |score| <= sqrt(m - 1), so the exponential cannot overflow.

    Args:
        nll: shape (m,), nats per token, finite.
        epsilon: added to the deviation, nats per token.

    Returns:
        shape (m,), each in (0, 1), falling as `nll` rises.
    """
    if nll.size == 0:
        return np.zeros(0)
    score = (nll - nll.mean()) / (nll.std() + epsilon)
    return 1.0 / (1.0 + np.exp(score))
