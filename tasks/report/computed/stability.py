"""How calmly a fine-tuning ran: gradient norms and spikes of the loss, from its logged steps.

In:  [LossPoint(step=1, loss=0.068, grad_norm=0.77), …]
Out: Stability(steps=120, grad_norm=0.41, grad_norm_95=0.93, grad_norm_most=1.6, spikes=2, roughness=0.11)

A spike: a loss above the median of the WINDOW steps before it by more than LEAP times their median absolute deviation.
For steps drawn from a normal distribution that is four standard deviations, three steps in a hundred thousand.
"""

from collections.abc import Sequence

import numpy as np

from tasks.report.schema.run_data import LossPoint, Stability

WINDOW, LEAP = 20, 4 / 0.6745
LEAST = 1e-3  # nats: smaller leaps of a loss that hardly moves are none


def stability(points: Sequence[LossPoint]) -> Stability | None:
    """None where nothing was logged."""
    losses = np.array([point.loss for point in points if point.loss is not None])
    norms = np.array([point.grad_norm for point in points if point.grad_norm is not None])
    if not losses.size:
        return None
    rough = float(np.abs(np.diff(losses)).mean() / losses.mean()) if losses.size > 1 and losses.mean() > 0 else None
    return Stability(
        steps=int(losses.size),
        grad_norm=float(np.median(norms)) if norms.size else None,
        grad_norm_95=float(np.quantile(norms, 0.95)) if norms.size else None,
        grad_norm_most=float(norms.max()) if norms.size else None,
        spikes=sum(_leaps(losses[at - WINDOW : at], losses[at]) for at in range(WINDOW, losses.size)),
        roughness=rough,
    )


def _leaps(before: np.ndarray, loss: float) -> bool:
    middle = float(np.median(before))
    deviation = float(np.median(np.abs(before - middle)))
    return bool(loss - middle > max(LEAP * deviation, LEAST))
