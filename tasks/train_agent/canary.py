"""A canary for the rollouts: do they come from the policy that is trained?

GRPO with LoRA can roll out the base model without any error (an adapter that was never loaded, weights that were not
synchronised): rewards come in, gradients flow, nothing is learned. So in the first steps the log-probabilities under
which some rollouts were drawn are compared with those of a plain forward pass:

    mismatch  mean |rollout - policy| in nats a token: must be rounding
    shift     mean |policy - pi_0|: must move away from 0 once the adapter has been updated
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from tasks.train_agent.rollout import Rollout

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
    mismatches, shifts, tokens = 0.0, 0.0, 0
    for prompt, rollout in list(zip(prompts, rollouts, strict=True))[:ROWS]:
        policy = _logprobs(model, prompt, rollout.ids, temperature, nullcontext())
        base = _logprobs(model, prompt, rollout.ids, temperature, model.disable_adapter())
        drawn = torch.tensor(rollout.logprobs, dtype=policy.dtype)
        mismatches += float((drawn - policy).abs().sum())
        shifts += float((policy - base).abs().sum())
        tokens += len(rollout.ids)
    canary = Canary(mismatches / tokens, shifts / tokens)
    if canary.mismatch > TOLERANCE[model.dtype]:
        raise CanaryError(
            f"rollouts were drawn with log-probabilities {canary.mismatch:.4f} nats a token off the policy's, which is "
            f"{canary.shift:.4f} off pi_0's: the rollout does not use the adapter that is trained"
        )
    if updates > 1 and canary.shift == 0.0:
        raise CanaryError(f"after {updates} updates the policy is pi_0 still: the adapter is not trained or not active")
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
