"""AdamW whose decoupled decay goes towards where it began: an L2 anchor to pi_0 (L2-SP, arXiv 1802.01483).

In:  parameters theta, of pi_0 before the first step; pull 8.0, a learning rate lr
Out: AdamW's step, then theta <- theta - lr pull (theta - theta_0)

The anchor lies in the optimiser's state, so a checkpoint holds it. Under ZeRO-3 a parameter is this rank's part of the
flat weights (DeepSpeed 0.19 calls `step` with one at a time): the same lines are right there, and the copy is sharded
too. Decoupled, since within the gradient Adam would divide the pull by the gradients' size, and clipping would cut it.
"""

from collections.abc import Callable
from typing import Any

import torch

ANCHOR = "pi_0"  # in a parameter's state


class PulledAdamW(torch.optim.AdamW):
    """torch's AdamW with `pull`, in units of 1 / (learning rate * steps)."""

    def __init__(self, params: Any, pull: float, **kwargs: Any) -> None:
        super().__init__(params, **kwargs)
        self.pull = pull

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step; a parameter without a gradient stays where it is."""
        moved = [(group["lr"], one) for group in self.param_groups for one in group["params"] if one.grad is not None]
        # Kept aside until AdamW has made its state: it takes a state that is not empty for its own (torch 2.13).
        first = {one: one.detach().clone() for _, one in moved if ANCHOR not in self.state[one]}
        loss = super().step(closure)
        for rate, one in moved:
            anchor = self.state[one].setdefault(ANCHOR, first.get(one))
            one.add_(anchor - one, alpha=min(1.0, float(rate) * self.pull))
        return loss
