"""The loss of a pass, from hidden states, with no more than a chunk of logits in memory.

In:  hidden states (N, hidden) that predict N target tokens, the tokens (N), the model's head
Out: sum of the tokens' losses, a scalar with gradients; the trainer divides it by the step's target tokens, or weights

A loss is a function of a chunk's logits (chunk, V) and tokens (chunk) that gives one loss a token; a new one is a
function here and its name in LOSSES and in FinetuneConfig.loss; one that compares with pi_0, or with an older pi, is
given its logits as well. Each is a sum over tokens, so no weight depends on how many of them a pass holds. The backward
pass computes a chunk's logits again instead of keeping them: in float32 those of 16,384 tokens over a vocabulary of
128,256 are 8.4 GB, and three times as much with softmax and gradient; those of a chunk 0.5 GB.

(PyTorch 2.13's `linear_cross_entropy` does the same for the plain NLL. The CUDA lock's PyTorch does not have it, and no
token can be weighed by it.)
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import log
from typing import Any

import torch
from torch.nn.functional import cross_entropy, kl_div
from torch.utils.checkpoint import checkpoint

from tasks.finetune.config import ANCHORED, CLIPPED, FinetuneConfig
from tasks.finetune.dataset import IGNORE
from tasks.rows.memory import CHUNK

TokenLoss = Callable[..., torch.Tensor]
ENTROPY_OF = 20  # likeliest tokens
LEAST = 0.01  # weight of a token in talr


def nll(logits_NV: torch.Tensor, tokens_N: torch.Tensor) -> torch.Tensor:
    """-log p of each token."""
    return cross_entropy(logits_NV, tokens_N, reduction="none")


def dft(logits_NV: torch.Tensor, tokens_N: torch.Tensor) -> torch.Tensor:
    """-p log p, the first p held constant (Dynamic Fine-Tuning; the weight of Mind the Gap's released trainer too)."""
    nll_N = nll(logits_NV, tokens_N)
    return nll_N * (-nll_N.detach()).exp()


def eaft(logits_NV: torch.Tensor, tokens_N: torch.Tensor) -> torch.Tensor:
    """-(H / 3) log p, H the entropy in nats of the 20 likeliest tokens, renormalised, held constant (ln 20 is 3.0).

    Entropy-adaptive fine-tuning at alpha = 1 (arXiv 2601.02151): where pi is sure, it is left alone.
    """
    likeliest_NK = logits_NV.detach().topk(min(ENTROPY_OF, logits_NV.shape[1]), dim=1).values.log_softmax(dim=1)
    return nll(logits_NV, tokens_N) * -(likeliest_NK.exp() * likeliest_NK).sum(dim=1) / 3.0


def kl_from(base_NV: torch.Tensor, logits_NV: torch.Tensor) -> torch.Tensor:
    """KL(pi_0 || pi) over the vocabulary at each token, in nats."""
    return kl_div(logits_NV.log_softmax(dim=1), base_NV.log_softmax(dim=1), reduction="none", log_target=True).sum(
        dim=1
    )


def sft_kl(logits_NV: torch.Tensor, tokens_N: torch.Tensor, base_NV: torch.Tensor, anchor: float) -> torch.Tensor:
    """-log p + anchor KL(pi_0 || pi)."""
    return nll(logits_NV, tokens_N) + anchor * kl_from(base_NV, logits_NV)


def asft(logits_NV: torch.Tensor, tokens_N: torch.Tensor, base_NV: torch.Tensor, anchor: float) -> torch.Tensor:
    """DFT's loss + anchor KL(pi_0 || pi) (arXiv 2509.23753)."""
    return dft(logits_NV, tokens_N) + anchor * kl_from(base_NV, logits_NV)


def ratio(logits_NV: torch.Tensor, tokens_N: torch.Tensor, old_NV: torch.Tensor, clip: float) -> torch.Tensor:
    """min(p / p_old, clip) of each token; without gradient where it is clipped."""
    return (nll(old_NV, tokens_N) - nll(logits_NV, tokens_N)).clamp(max=log(clip)).exp()


def clipped_iw(logits_NV: torch.Tensor, tokens_N: torch.Tensor, base_NV: torch.Tensor, clip: float) -> torch.Tensor:
    """-w log p, w = min(p / p_0, clip) held constant: a step's sum over tokens is divided by its sum of w.

    Truncated, self-normalised importance sampling (Mind the Gap, arXiv 2509.15157), pi_0 as the behaviour policy.
    """
    return nll(logits_NV, tokens_N) * ratio(logits_NV, tokens_N, base_NV, clip).detach()


def psft(logits_NV: torch.Tensor, tokens_N: torch.Tensor, old_NV: torch.Tensor, clip: float) -> torch.Tensor:
    """-min(p / p_old, clip): PPO's clipped objective at an advantage of 1, whose lower bound never acts.

    Proximal SFT (arXiv 2508.17784): a token that became `clip` times as likely as under pi_old is left alone.
    """
    return -ratio(logits_NV, tokens_N, old_NV, clip)


def talr(logits_NV: torch.Tensor, tokens_N: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """-w log p, w = max(p^(1 / scale), 0.01) held constant; `scale`: tau times the median of a step's rows' mean NLL.

    Token-adaptive loss reweighting (arXiv 2509.20758): tokens that pi finds unlikely are learned slowly.
    """
    nll_N = nll(logits_NV, tokens_N)
    return nll_N * (-nll_N.detach() / scale.clamp(min=1e-6)).exp().clamp(min=LEAST)


LOSSES: dict[str, TokenLoss] = {"nll": nll, "dft": dft, "importance_weighted": dft, "eaft": eaft}
LOSSES |= {"sft_kl": sft_kl, "asft": asft, "clipped_iw": clipped_iw, "psft": psft, "flow": nll, "talr": talr}
WEIGHTS: dict[str, TokenLoss] = {"clipped_iw": ratio}  # divided by a step's sum of these, not by its tokens


def loss_of(
    config: FinetuneConfig, among: Mapping[str, TokenLoss] = LOSSES, scale: torch.Tensor | None = None
) -> TokenLoss:
    """The token loss, or weight, that a config asks for, with its own parameter; `scale` of talr, which changes."""
    loss = among[config.loss]
    if config.loss in ANCHORED:
        return partial(loss, anchor=config.anchor)
    if config.loss == "talr":
        return partial(loss, scale=scale)
    return partial(loss, clip=config.clip) if config.loss in CLIPPED else loss


def summed_loss(
    head: Any,
    hidden_BTH: torch.Tensor,
    labels_BT: torch.Tensor,
    loss: TokenLoss,
    chunk: int = CHUNK,
    base: tuple[Any, torch.Tensor] | None = None,
    weights_BT: torch.Tensor | None = None,
    calls: int = 1,
) -> torch.Tensor:
    """Sum of `loss` over the tokens that have a label, each predicted by the state before it; 0 where none has.

    `base`: the head of pi_0, or of an older pi, and its hidden states of the same tokens, for a loss that compares.
    `weights_BT`: what each token's loss counts. `calls`: how often the head is called at least.
    """
    before_NH, tokens_N = hidden_BTH[:, :-1].flatten(0, 1), labels_BT[:, 1:].flatten()
    base_NH = None if base is None else base[1][:, :-1].flatten(0, 1)
    weights_N = None if weights_BT is None else weights_BT[:, 1:].flatten()
    chunks, real = in_chunks((tokens_N != IGNORE).nonzero()[:, 0], chunk, calls)
    parts = []
    for places in chunks:
        of_base = None if base is None or base_NH is None else (base[0], base_NH[places])
        weights = None if weights_N is None else weights_N[places]
        given = (head, before_NH[places], tokens_N[places].clamp(min=0), loss, of_base, weights)
        parts.append(checkpoint(_of_chunk, *given, use_reentrant=False))
    return torch.stack([*parts[:real], *(part * 0.0 for part in parts[real:])]).sum()


def in_chunks(wanted: torch.Tensor, chunk: int, calls: int) -> tuple[list[torch.Tensor], int]:
    """The places in chunks, behind them places of one token up to `calls` chunks; and how many of them are real.

    Under ZeRO-3 each call of the head gathers its weights from all processes, forwards and backwards: to one call more
    on one of them the others answer with other weights, or never. So all make as many, and in every pass: DeepSpeed
    (0.19.8) fetches ahead only while modules are called in the same order.
    """
    real = list(wanted.split(chunk)) if len(wanted) else []
    return real + [wanted.new_zeros(1)] * (calls - len(real)), len(real)


def mean_of_rows(
    head: Any,
    hidden_BTH: torch.Tensor,
    labels_BT: torch.Tensor,
    ends: Sequence[int],
    chunk: int = CHUNK,
    calls: int = 1,
) -> torch.Tensor:
    """The mean NLL of each row that has labels, of one sequence (B = 1) in which the rows end at `ends`."""
    before_NH, tokens_N = hidden_BTH[0, :-1], labels_BT[0, 1:]
    wanted = (tokens_N != IGNORE).nonzero()[:, 0]
    chunks, _ = in_chunks(wanted, chunk, calls)
    nll_N = torch.cat([nll(head(before_NH[at]).float(), tokens_N[at].clamp(min=0)) for at in chunks])[: len(wanted)]
    rows_N = torch.bucketize(wanted + 1, torch.tensor(ends, device=wanted.device), right=True)
    sums_R = torch.zeros(len(ends), device=nll_N.device).index_add(0, rows_N, nll_N)
    counts_R = torch.bincount(rows_N, minlength=len(ends))
    return sums_R[counts_R > 0] / counts_R[counts_R > 0]


def _of_chunk(
    head: Any,
    before_NH: torch.Tensor,
    tokens_N: torch.Tensor,
    loss: TokenLoss,
    base: tuple[Any, torch.Tensor] | None,
    weights_N: torch.Tensor | None,
) -> torch.Tensor:
    logits_NV = head(before_NH).float()
    if base is None:
        losses_N = loss(logits_NV, tokens_N)
    else:
        with torch.no_grad():
            base_NV = base[0](base[1]).float()
        losses_N = loss(logits_NV, tokens_N, base_NV)
    return (losses_N if weights_N is None else losses_N * weights_N).sum()
