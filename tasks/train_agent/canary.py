"""A canary for the rollouts: do they come from the policy that is trained?

GRPO with LoRA can roll out the base model without any error (an adapter that was never loaded, weights that were not
synchronised): rewards come in, gradients flow, nothing is learned. So in the first steps the log-probabilities under
which some rollouts were drawn are compared with those of a plain forward pass:

    mismatch  mean |rollout - policy| in nats a token: must be rounding
    shift     mean |policy - pi_0|: must move away from 0 once the adapter has been updated
    follow    slope of (rollout - pi_0) on (policy - pi_0): 1 for rollouts of the policy, 0 for rollouts of pi_0. Over
              many tokens it tells the two apart even while the shift is far below the rounding of bfloat16
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from tasks.generation.rollout import Rollout

STEPS = 3  # steps that are watched from the start, or from where an attempt resumed
ROWS = 4
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.05}


class CanaryError(RuntimeError):
    """The rollouts are not the policy's."""


@dataclass(frozen=True)
class Canary:
    """Nats a token."""

    mismatch: float
    shift: float


def check(
    model: Any, prompts: Sequence[Sequence[int]], rollouts: Sequence[Rollout], temperature: float, updates: int
) -> Canary:
    """Compare the first rollouts with the policy and with pi_0; `updates` is how often the adapter was updated.

    Raises:
        CanaryError: the rollouts do not follow the policy, or the policy does not move.
    """
    drawn, policy, base = [], [], []
    for prompt, rollout in list(zip(prompts, rollouts, strict=True))[:ROWS]:
        drawn.append(torch.tensor(rollout.logprobs))
        policy.append(_logprobs(model, prompt, rollout.ids, temperature, nullcontext()))
        base.append(_logprobs(model, prompt, rollout.ids, temperature, model.disable_adapter()))
    return compare(torch.cat(drawn), torch.cat(policy), torch.cat(base), TOLERANCE[model.dtype], updates)


def compare(drawn: ArrayLike, policy: ArrayLike, base: ArrayLike, tolerance: float, updates: int) -> Canary:
    """Compare log-probabilities of the same sampled tokens, each of shape (tokens,), nats.

    Args:
        drawn: under which they were sampled.
        policy, base: under the policy and under pi_0, on the same prompt and at the same temperature.
        tolerance: largest mismatch that rounding explains.
        updates: how often the adapter was updated.

    Raises:
        CanaryError: the rollouts do not follow the policy, or the policy does not move.
    """
    drawn, policy, base = (np.asarray(values, dtype=np.float64) for values in (drawn, policy, base))
    moved = policy - base
    canary = Canary(float(np.abs(drawn - policy).mean()), float(np.abs(moved).mean()))
    if canary.mismatch > tolerance:
        raise CanaryError(
            f"rollouts were drawn with log-probabilities {canary.mismatch:.4f} nats a token off the policy's, which is "
            f"{canary.shift:.4f} off pi_0's: the rollout does not use the adapter that is trained"
        )
    if updates > 1 and canary.shift == 0.0:
        raise CanaryError(f"after {updates} updates the policy is pi_0 still: the adapter is not trained or not active")
    if power := float(moved @ moved):
        follow = float((drawn - base) @ moved) / power
        deviation = math.sqrt(float(np.mean((drawn - base - follow * moved) ** 2)) / power)
        if follow + 4 * deviation < 0.5:
            raise CanaryError(
                f"of the policy's step away from pi_0 ({canary.shift:.2e} nats a token) the rollouts show "
                f"{follow:.2f} ± {deviation:.2f}: they are drawn from pi_0, not from the adapter that is trained"
            )
    return canary


def _logprobs(
    model: Any, prompt: Sequence[int], ids: Sequence[int], temperature: float, adapter: AbstractContextManager[Any]
) -> torch.Tensor:
    """log-probabilities of `ids` after `prompt` at `temperature`, shape (len(ids),), on the CPU."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), adapter:
            tensor = torch.tensor([[*prompt, *ids]], device=model.device)
            logits = model(input_ids=tensor, logits_to_keep=len(ids) + 1).logits[0, :-1].float() / temperature
            return logits.log_softmax(dim=-1).gather(1, tensor[0, -len(ids) :, None])[:, 0].cpu()
    finally:
        model.train(training)
