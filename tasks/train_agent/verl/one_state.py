"""Several tokens predicted by one state, in one pass of verl's actor: what pi_0 would answer, YES or NO.

In:  prompt [1, 5, 9], tokens [14004, 8996] as its response, the batch marked with `ONE_STATE`
Out: log pi_0(14004 | prompt), log pi_0(8996 | prompt)      both after the prompt; without the mark the second would be
     log pi_0(8996 | prompt, 14004), and asking for each by itself would read the prompt once a token

verl 0.9.1 gives the log-probabilities of the tokens that are in the sequence and nothing else of the logits.
"""

from itertools import pairwise
from typing import Any

import torch

ONE_STATE = "rewriting_agent_one_state"  # in the batch's extra_info: how many tokens each response has


def install(worker: Any) -> None:
    """Make the engines of this Ray worker's process heed `ONE_STATE`."""
    from verl.utils import tensordict_utils as tu
    from verl.workers.engine.fsdp.transformer_impl import FSDPEngineWithLMHead

    original = FSDPEngineWithLMHead.prepare_model_outputs
    if getattr(original, "heeds", None) == ONE_STATE:
        return

    def prepare_model_outputs(self: Any, output: Any, output_args: Any, micro_batch: Any, **others: Any) -> Any:
        if count := tu.get_non_tensor_data(data=micro_batch, key=ONE_STATE, default=0):
            spread(output.logits, micro_batch["input_ids"].offsets(), int(count))
        return original(self, output=output, output_args=output_args, micro_batch=micro_batch, **others)

    prepare_model_outputs.heeds = ONE_STATE  # type: ignore[attr-defined]
    FSDPEngineWithLMHead.prepare_model_outputs = prepare_model_outputs


def spread(logits: torch.Tensor, offsets: torch.Tensor, count: int) -> None:
    """Put the logits that follow each prompt in the place of those that predict the `count` tokens after it.

    Args:
        logits: shape (1, tokens, vocabulary) of packed sequences, or (sequences, length, vocabulary) padded on the
            right; changed in place.
        offsets: shape (sequences + 1,): where each packed sequence begins, and the end of the last.
    """
    packed = logits.shape[0] == 1
    for row, (start, end) in enumerate(pairwise(offsets.tolist())):
        of_sequence = logits[0, start:end] if packed else logits[row, : end - start]
        of_sequence[-count - 1 : -1] = of_sequence[-count - 1].clone()
