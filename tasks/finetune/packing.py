"""Several rows in one sequence, none of which sees another: how they are laid out, and the attention within each.

In:  two rows {"input_ids": [1, 7, 9, 2], "labels": [-100, -100, 9, 2]} and {"input_ids": [1, 4, 2], …}, bucket 8
Out: input_ids [[1, 7, 9, 2, 1, 4, 2, 0]], position_ids [[0, 1, 2, 3, 0, 1, 2, 0]], row_ends (4, 7, 8)

The first token of a row is its prompt's, whose label is masked: the end of the row before predicts nothing. What fills
the sequence up to the bucket is a row of its own without labels.

FlashAttention finds the rows by their positions, where it is installed. `rows_attention` does the same with PyTorch's
own kernels, row by row: it costs the sum of the squared lengths, where one mask over the whole sequence (the way of
LLaMA-Factory and of transformers without FlashAttention) costs the square of their sum and has to be in memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from tasks.finetune.dataset import IGNORE

ROWS_ATTENTION = "rows_attention"  # its name among transformers' attention functions
BUCKET = 64  # tokens that a sequence's length is rounded up to


def collate(rows: Sequence[Mapping[str, Sequence[int]]], bucket: int = BUCKET) -> dict[str, Any]:
    """One sequence of all rows, shape (1, T); without rows one of nothing but filling."""
    ids = [token for row in rows for token in row["input_ids"]]
    labels = [label for row in rows for label in row["labels"]]
    positions = [place for row in rows for place in range(len(row["input_ids"]))]
    ends = torch.tensor([len(row["input_ids"]) for row in rows], dtype=torch.long).cumsum(0).tolist()
    filling = -len(ids) % bucket if ids else bucket
    if filling:
        ids += [0] * filling
        labels += [IGNORE] * filling
        positions += range(filling)
        ends.append(len(ids))
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([positions]),
        "labels": torch.tensor([labels]),
        "row_ends": tuple(ends),
    }


def use_rows_attention(model: Any) -> None:
    """Let a transformers model attend within each row of `row_ends`, which its forward is given.

    Raises:
        ValueError: the model's attention is not plain: sliding windows, capped scores or sinks.
    """
    from transformers import AttentionInterface

    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    if kinds != {"full_attention"} or window or getattr(config, "attn_logit_softcapping", None):
        raise ValueError(
            f"{config.model_type}: rows are packed for plain causal attention only, without sliding windows or capped "
            "scores: set finetune.packing=false"
        )
    AttentionInterface.register(ROWS_ATTENTION, rows_attention)
    model.set_attn_implementation(ROWS_ATTENTION)


def rows_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    row_ends: tuple[int, ...] | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each row: query (1, heads, T, d), key and value (1, key heads, T, d), result as
    transformers wants it (1, T, heads, d).

    Raises:
        ValueError: `row_ends` does not end at T, or there is more than one sequence.
    """
    if row_ends is None or row_ends[-1] != query.shape[2] or query.shape[0] != 1:
        raise ValueError(f"packed attention of shape {tuple(query.shape)} with row ends {row_ends}")
    groups = getattr(module, "num_key_value_groups", 1)
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    start, parts = 0, []
    for end in row_ends:
        q, k, v = (one[:, :, start:end] for one in (query, key, value))
        parts.append(scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=scaling, is_causal=True))
        start = end
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None
