"""Several tokens predicted by one state, in one pass of verl's actor: what pi_0 would answer, YES or NO.

In:  prompt [1, 5, 9], tokens [14004, 8996] as its response, the batch marked with `ONE_STATE`
Out: log pi_0(14004 | prompt), log pi_0(8996 | prompt)      both after the prompt; without the mark the second would be
     log pi_0(8996 | prompt, 14004), and asking for each by itself would read the prompt once a token

verl 0.9.1 gives the log-probabilities of the tokens that are in the sequence and nothing else of the logits; with fused
kernels there are no logits. So it is the decoder's states, before the head, that are put in place.
"""

from itertools import pairwise
from typing import Any

import torch

ONE_STATE = "rewriting_agent_one_state"  # in the batch's extra_info: how many tokens each response has


def install(worker: Any) -> None:
    """Make the engines of this Ray worker's process heed `ONE_STATE`."""
    from verl.utils import tensordict_utils as tu
    from verl.workers.engine.fsdp.transformer_impl import FSDPEngineWithLMHead

    original = FSDPEngineWithLMHead.forward_step
    if getattr(original, "heeds", None) == ONE_STATE:
        return

    def forward_step(self: Any, micro_batch: Any, *arguments: Any, **others: Any) -> Any:
        count = int(tu.get_non_tensor_data(data=micro_batch, key=ONE_STATE, default=0))
        if not count:
            return original(self, micro_batch, *arguments, **others)
        offsets = micro_batch["input_ids"].offsets()
        decoder = self.module.get_base_model().get_decoder()
        hook = decoder.register_forward_hook(lambda _, __, output: spread(output.last_hidden_state, offsets, count))
        try:
            return original(self, micro_batch, *arguments, **others)
        finally:
            hook.remove()

    forward_step.heeds = ONE_STATE  # type: ignore[attr-defined]
    FSDPEngineWithLMHead.forward_step = forward_step


def spread(states: torch.Tensor, offsets: torch.Tensor, count: int) -> None:
    """Put the state after each prompt in the place of those that predict the `count` tokens after it.

    Args:
        states: shape (1, tokens, width) of packed sequences, or (sequences, length, width) padded on the right;
            changed in place.
        offsets: shape (sequences + 1,): where each packed sequence begins, and the end of the last.
    """
    packed = states.shape[0] == 1
    for row, (start, end) in enumerate(pairwise(offsets.tolist())):
        of_sequence = states[0, start:end] if packed else states[row, : end - start]
        of_sequence[-count - 1 : -1] = of_sequence[-count - 1].clone()
