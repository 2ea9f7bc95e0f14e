"""Do two models say the same? Their next-token distributions at every place of a plain text.

In:  a model and its tokenizer, twice
Out: KL(first ‖ second) in nats a token, the mean over the places of PLAIN (tasks/backbone/plain.py)
"""

from typing import Any

import torch

from tasks.backbone.plain import PLAIN


@torch.inference_mode()
def log_probabilities(model: Any, tokenizer: Any) -> torch.Tensor:
    """log p(next token) at every place of the text, float32, shape (tokens, vocabulary)."""
    ids = torch.tensor([tokenizer(PLAIN)["input_ids"]], device=model.device)
    return torch.log_softmax(model(ids).logits[0].float(), dim=-1)


def divergence(first: torch.Tensor, second: torch.Tensor) -> float:
    """Mean KL(first ‖ second) over places, nats; both hold log-probabilities of shape (tokens, vocabulary)."""
    return float((first.exp() * (first - second)).sum(-1).mean())
