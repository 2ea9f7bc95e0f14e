"""PPO's loss where a step has one update: the old policy is the one that is updated, so no pass over it is made.

In:  log pi(y_t) of the update's own pass, advantages
Out: verl's clipped loss with its ratio pi / sg(pi) = 1, whose gradient is that of -A log pi; sg holds constant

Bit by bit the update of a pass of its own over the old policy (docs/verl.md).
"""

from typing import Any

import torch
from verl.trainer.ppo.core_algos import compute_policy_loss_vanilla, register_policy_loss

from tasks.train_agent.verl.sections import ONE_UPDATE


@register_policy_loss(ONE_UPDATE)
def one_update(
    old_log_prob: torch.Tensor, log_prob: torch.Tensor, *arguments: Any, **others: Any
) -> tuple[torch.Tensor, dict[str, Any]]:
    """The loss and its metrics; `old_log_prob` is not read. Tensors of shape (rows, tokens), log p in nats."""
    return compute_policy_loss_vanilla(log_prob.detach(), log_prob, *arguments, **others)
