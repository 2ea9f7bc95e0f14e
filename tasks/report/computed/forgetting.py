"""The paper's argument as a line: does a model forget more, the less likely its targets were under pi_0?

In:  three models or more, with the NLL of their targets (eq. 6) and their general accuracy in every replicate
     Trained(method="sft", seed=0, target_nll=1.64, general=[0.71, 0.70, 0.73, …], other_loss=False), …
Out: Forgetting(models=[… forgotten 0.28 (0.25 to 0.31) …], slope=0.21 (0.14 to 0.29), intercept=-0.08)

Only models trained with the same loss share the line: reweighted losses change what a target's NLL does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.report.schema.compared_data import Forgetter, Forgetting
from tasks.report.statistics.statistics import Matrix, Vector, percentile

LEAST = 3  # models: through fewer any line fits


@dataclass(frozen=True)
class Trained:
    """A model: `general` [1 + replicates] holds its GeneralAvg, index 0 the data's own, rows drawn alike for all."""

    method: str
    seed: int | None
    target_nll: float
    general: Vector
    other_loss: bool = False


def forgetting(models: Sequence[Trained], base: Vector, confidence: float, seed: int = 0) -> Forgetting | None:
    """Every model's point and the line of ordinary least squares, each model counted once.

    A replicate draws rows (they come drawn) and, within each method, seeds. The targets' NLL is a property of the rows
    that were trained on, not a sample: it moves with the seed alone.

    Args:
        base: GeneralAvg of pi_0 in the same replicates.

    Returns:
        None for fewer than three models; a slope only where three of them share the NLL loss and their NLLs differ.
    """
    if len(models) < LEAST:
        return None
    points = [
        Forgetter(
            method=one.method,
            seed=one.seed,
            target_nll=one.target_nll,
            forgotten=percentile(base - one.general, confidence),
            other_loss=one.other_loss,
        )
        for one in models
    ]
    fitted = [one for one in models if not one.other_loss]
    nll_N = np.array([one.target_nll for one in fitted])
    if len(fitted) < LEAST or np.ptp(nll_N) == 0:
        return Forgetting(models=points)
    forgotten_RN = np.stack([base - one.general for one in fitted], axis=1)
    slope_R, intercept_R = _lines(nll_N, forgotten_RN, _times_drawn(fitted, len(base), seed))
    return Forgetting(models=points, slope=percentile(slope_R, confidence), intercept=float(intercept_R[0]))


def _times_drawn(models: Sequence[Trained], replicates: int, seed: int) -> Matrix:
    """[replicates, models]: how often each model is drawn, seeds with replacement within their method; first once."""
    random = np.random.default_rng(seed)
    times_RN = np.ones((replicates, len(models)))
    for method in dict.fromkeys(one.method for one in models):
        at = [n for n, one in enumerate(models) if one.method == method]
        times_RN[1:, at] = random.multinomial(len(at), np.full(len(at), 1 / len(at)), size=replicates - 1)
    return times_RN


def _lines(x_N: Vector, y_RN: Matrix, times_RN: Matrix) -> tuple[Vector, Vector]:
    """Slope and intercept of each replicate; NaN, which `percentile` leaves out, where all drawn have one NLL."""
    share_RN = times_RN / times_RN.sum(axis=1, keepdims=True)
    x_R, y_R = share_RN @ x_N, (share_RN * y_RN).sum(axis=1)
    from_mean_RN = x_N - x_R[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        slope_R = (share_RN * from_mean_RN * y_RN).sum(axis=1) / (share_RN * from_mean_RN**2).sum(axis=1)
    return slope_R, y_R - slope_R * x_R
