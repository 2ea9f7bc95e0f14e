"""How far apart two next-token distributions are, position by position.

In:  logits of pi_0 and of pi at the same N positions, vocabulary V; the tokens that follow, N
Out: nats a token: NLL of the text under each, KL(pi_0 || pi), KL(pi || pi_0); and whether both prefer the same token

Letters: N positions, V vocabulary.
"""

from dataclasses import dataclass, fields

import torch

ROWS = 32  # positions whose distributions are computed at once: they stay in a processor's cache


@dataclass(frozen=True)
class Divergence:
    """Each of shape (N,), float32."""

    nll_base: torch.Tensor
    nll: torch.Tensor
    kl: torch.Tensor
    kl_reverse: torch.Tensor
    agreement: torch.Tensor

    def mean(self) -> dict[str, float]:
        """Means over the positions."""
        return {one.name: float(getattr(self, one.name).double().mean()) for one in fields(self)}


def divergence(base_NV: torch.Tensor, other_NV: torch.Tensor, tokens_N: torch.Tensor) -> Divergence:
    """Compare two models' logits at the same positions."""
    parts = zip(base_NV.split(ROWS), other_NV.split(ROWS), tokens_N.split(ROWS), strict=True)
    return joined([_divergence(*part) for part in parts])


def _divergence(base_NV: torch.Tensor, other_NV: torch.Tensor, tokens_N: torch.Tensor) -> Divergence:
    p_NV, q_NV = torch.log_softmax(base_NV.float(), dim=1), torch.log_softmax(other_NV.float(), dim=1)
    difference_NV, at = p_NV - q_NV, tokens_N[:, None]
    return Divergence(
        nll_base=-p_NV.gather(1, at)[:, 0],
        nll=-q_NV.gather(1, at)[:, 0],
        kl=torch.linalg.vecdot(p_NV.exp(), difference_NV),
        kl_reverse=-torch.linalg.vecdot(q_NV.exp(), difference_NV),
        agreement=(p_NV.argmax(dim=1) == q_NV.argmax(dim=1)).float(),
    )


def joined(parts: list[Divergence]) -> Divergence:
    """The positions of several parts after each other."""
    return Divergence(
        **{one.name: torch.cat([getattr(part, one.name) for part in parts]) for one in fields(Divergence)}
    )
