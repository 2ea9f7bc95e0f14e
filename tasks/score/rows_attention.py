"""Attention within each of several rows that lie in one sequence, none of which sees another.

In:  query, key, value of a sequence of 8 tokens, row_ends (4, 7, 8): rows of 4, 3 and 1 tokens
Out: as if each row had been read alone

FlashAttention finds the rows by their positions, where it is installed. This does the same with PyTorch's own kernels,
row by row: it costs the sum of the squared lengths, where one mask over the whole sequence (the way of LLaMA-Factory
and of transformers without FlashAttention) costs the square of their sum and has to be in memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

ROWS_ATTENTION = "rows_attention"  # its name among transformers' attention functions


def flash_attention(cuda: bool) -> bool:
    """Whether FlashAttention is there to be used."""
    return cuda and find_spec("flash_attn") is not None


class NotPlain(ValueError):
    """The model's attention is not plain causal attention."""


def is_plain(model_config: Any) -> bool:
    """Whether a transformers model's attention is causal attention without sliding windows or capped scores."""
    config = model_config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    return kinds == {"full_attention"} and not window and not getattr(config, "attn_logit_softcapping", None)


def use_rows_attention(model: Any) -> None:
    """Let a transformers model attend within each row of `row_ends`, which its forward is given from now on.

    Raises:
        NotPlain: the model's attention has sliding windows or caps its scores.
    """
    from transformers import AttentionInterface

    if not is_plain(model.config):
        raise NotPlain(
            f"{model.config.get_text_config().model_type}: rows are packed for plain causal attention only, without "
            "sliding windows or capped scores: set packing=false"
        )
    AttentionInterface.register(ROWS_ATTENTION, rows_attention)
    model.set_attn_implementation(ROWS_ATTENTION)


@contextmanager
def within_rows(model: Any) -> Iterator[None]:
    """`use_rows_attention` while it is entered."""
    before = model.config._attn_implementation
    use_rows_attention(model)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


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
