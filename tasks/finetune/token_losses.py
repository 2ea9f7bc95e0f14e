"""The loss of a pass, from hidden states, with no more than a chunk of logits in memory.

In:  hidden states (N, hidden) that predict N target tokens, the tokens (N), the model's head
Out: sum of the tokens' losses, a scalar with gradients; the trainer divides it by the step's target tokens

A loss is a function of a chunk's logits (chunk, V) and tokens (chunk) that gives one loss a token; a new one is a
function here and its name in LOSSES and in FinetuneConfig.loss. The backward pass computes a chunk's logits again
instead of keeping them: in float32 those of 16,384 tokens over a vocabulary of 128,256 are 8.4 GB, and three times as
much with softmax and gradient; those of a chunk 0.5 GB.

(PyTorch 2.13's `linear_cross_entropy` does the same for the plain NLL. The CUDA lock's PyTorch does not have it, and no
token can be weighed by it.)
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from tasks.finetune.dataset import IGNORE
from tasks.finetune.memory import CHUNK

TokenLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def nll(logits_NV: torch.Tensor, tokens_N: torch.Tensor) -> torch.Tensor:
    """-log p of each token."""
    return cross_entropy(logits_NV, tokens_N, reduction="none")


def dft(logits_NV: torch.Tensor, tokens_N: torch.Tensor) -> torch.Tensor:
    """-p log p, the first p held constant (Dynamic Fine-Tuning; the weight of Mind the Gap's released trainer too)."""
    nll_N = nll(logits_NV, tokens_N)
    return nll_N * (-nll_N.detach()).exp()


LOSSES: dict[str, TokenLoss] = {"nll": nll, "dft": dft, "importance_weighted": dft}


def summed_loss(
    head: Any, hidden_BTH: torch.Tensor, labels_BT: torch.Tensor, loss: TokenLoss, chunk: int = CHUNK
) -> torch.Tensor:
    """Sum of `loss` over the tokens that have a label, each predicted by the state before it; 0 where none has."""
    before_NH, tokens_N = hidden_BTH[:, :-1].flatten(0, 1), labels_BT[:, 1:].flatten()
    wanted = (tokens_N != IGNORE).nonzero()[:, 0]
    if not len(wanted):
        # Gradients of zero: every rank's head has to be called.
        return _of_chunk(head, before_NH[:1], tokens_N[:1].clamp(min=0), loss) * 0.0
    chunks = zip(before_NH[wanted].split(chunk), tokens_N[wanted].split(chunk), strict=True)
    parts = [checkpoint(_of_chunk, head, before, tokens, loss, use_reentrant=False) for before, tokens in chunks]
    return torch.stack(parts).sum()


def _of_chunk(head: Any, before_NH: torch.Tensor, tokens_N: torch.Tensor, loss: TokenLoss) -> torch.Tensor:
    return loss(head(before_NH).float(), tokens_N).sum()
