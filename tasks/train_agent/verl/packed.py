"""Passes of several sequences in one, without flash-attn.

In:  position_ids [[0, 1, 2, 3, 0, 1, 2]]: sequences of 4 and 3 tokens
Out: as if each had been read alone, its log-probabilities in float32

verl packs a pass's sequences for FlashAttention, which finds them by their positions. flash-attn comes as source alone
and takes an hour and CUDA's compiler to install; where it is not, `rows_attention` does the same, and `logprobs` takes
the place of verl's fallback, which reads bfloat16 logits token by token in Python, into bfloat16.
"""

from typing import Any

import torch
import verl.utils.torch_functional
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface

from tasks.rows.memory import CHUNK
from tasks.score.rows_attention import rows_attention
from tasks.train_agent.verl.sections import PACKED_ATTENTION


def packed_attention(
    *arguments: Any, position_ids: torch.Tensor | None = None, **options: Any
) -> tuple[torch.Tensor, None]:
    """`rows_attention`, the rows told by their positions (1, T)."""
    ends = None if position_ids is None else row_ends(position_ids)
    return rows_attention(*arguments, **options | {"row_ends": ends})


def row_ends(position_ids: torch.Tensor) -> tuple[int, ...]:
    """Where sequences that lie in one end: [[0, 1, 2, 0, 1]] -> (3, 5). Every layer asks: the tensor remembers."""
    found: tuple[int, ...] | None = getattr(position_ids, "row_ends", None)
    if found is None:
        starts = (position_ids[0] == 0).nonzero()[1:, 0].tolist()
        found = (*starts, position_ids.shape[1])
        position_ids.row_ends = found  # type: ignore[attr-defined]
    return found


def logprobs(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Log-probabilities, in float32 and of the labels' shape, of `labels` under `logits`, shape (*labels, vocabulary).

    Beside the logits no more than a chunk is in float32; backward reads the logits once more.
    """
    chunks = zip(logits.flatten(0, -2).split(CHUNK), labels.flatten().split(CHUNK), strict=True)
    return torch.cat([checkpoint(_of_chunk, *chunk, use_reentrant=False) for chunk in chunks]).view(labels.shape)


def _of_chunk(logits_TV: torch.Tensor, labels_T: torch.Tensor) -> torch.Tensor:
    return -cross_entropy(logits_TV.float(), labels_T, reduction="none")


AttentionInterface.register(PACKED_ATTENTION, packed_attention)
verl.utils.torch_functional.logprobs_from_logits_v2 = logprobs  # its fallback for want of flash-attn
