"""Hinted decoding: each token from pi_0's own prediction, mixed with what it would say if it saw the expert's solution.

In:  prompts of the plain question [[1, 5, 9], …] and of the rewriting prompt [[1, 7, 3, 8, 2], …], strength 3.0
Out: [Rollout(ids=[7, 2], logprobs=[-0.1, -0.9], finished=True), …]      greedy; log-probabilities under pi_0(.|x)

    m(token) ~ p(token | x)^(1 - l) q(token | x, y*)^l,      l = min(1, strength * H(p) / ln V)

p and q are the same model after two prompts; H is the entropy of p in nats: where pi_0 is sure, it is left alone. The
first token is p's. Both sequences read each token that is drawn: two forward passes a token, where rewriting takes one.
(Hinted Decoding, arXiv 2602.12222. With transformers: vLLM's scheduler promises no two requests the same step.)

Letters: N rows, V tokens of the vocabulary.
"""

from collections.abc import Sequence
from math import log
from typing import Any

import torch

from tasks.generation.rollout import Rollout, Sampling, prompts_at_once, read_prompts

_SHRINK = 0.75  # share of rows still going below which the others leave the batch


def decode_hinted(
    model: Any,
    plain: Sequence[Sequence[int]],
    hinted: Sequence[Sequence[int]],
    strength: float,
    sampling: Sampling,
    at_once: int,
) -> list[Rollout]:
    """A text of each row, in their order, of at most `sampling.max_new_tokens` tokens.

    Args:
        plain, hinted: token ids of the prompts without and with the expert's solution, generation prompt included.
        at_once: most rows decoded together; fewer where keys and values of two sequences each have no room.
    """
    longest = max(map(len, [*plain, *hinted])) + sampling.max_new_tokens
    size = min(at_once, prompts_at_once(model, longest, 2))
    rollouts: list[Rollout] = []
    with torch.no_grad():
        for start in range(0, len(plain), size):
            part = slice(start, start + size)
            rollouts += _decode(model, [*plain[part], *hinted[part]], strength, sampling)
    return rollouts


def mixed(p_NV: torch.Tensor, q_NV: torch.Tensor, strength: float) -> torch.Tensor:
    """Log of the unnormalised mixture from the logits of p and q, shape (N, V)."""
    log_p_NV, log_q_NV = p_NV.float().log_softmax(dim=1), q_NV.float().log_softmax(dim=1)
    entropy_N1 = -(log_p_NV.exp() * log_p_NV).sum(dim=1, keepdim=True)
    share_N1 = (strength * entropy_N1 / log(p_NV.shape[1])).clamp(max=1)
    return (1 - share_N1) * log_p_NV + share_N1 * log_q_NV


def _decode(model: Any, prompts: Sequence[Sequence[int]], strength: float, sampling: Sampling) -> list[Rollout]:
    """The first half of `prompts` are plain, the second those of the same rows with the hint."""
    count, device = len(prompts) // 2, model.device
    logits, cache, mask = read_prompts(model, prompts, 1, sampling.max_new_tokens)
    lengths = mask.sum(dim=1)
    width = mask.size(1)
    mask = torch.nn.functional.pad(mask, (0, sampling.max_new_tokens), value=1)
    rows = list(range(count))  # which row stands where in each half
    found = [Rollout([], [], False) for _ in rows]
    stops = set(sampling.stop_ids)
    for step in range(sampling.max_new_tokens):
        p_NV, q_NV = logits.chunk(2)
        said_N = (mixed(p_NV, q_NV, strength) if step else p_NV).argmax(dim=1)
        of_p_N = p_NV.float().log_softmax(dim=1).gather(1, said_N[:, None])[:, 0]
        for row, token, logprob in zip(rows, said_N.tolist(), of_p_N.tolist(), strict=True):
            if not found[row].finished:
                found[row].ids.append(token)
                found[row].logprobs.append(logprob)
                if token in stops:
                    found[row] = Rollout(found[row].ids, found[row].logprobs, True)
        left = [place for place, row in enumerate(rows) if not found[row].finished]
        if not left or step + 1 == sampling.max_new_tokens:
            break
        if len(left) <= _SHRINK * len(rows):
            kept = torch.tensor([*left, *(place + len(rows) for place in left)], device=device)
            rows, said_N = [rows[place] for place in left], said_N[kept[: len(left)]]
            mask, lengths = mask[kept], lengths[kept]
            cache.batch_select_indices(kept)
        logits = model(
            input_ids=said_N.repeat(2)[:, None],
            attention_mask=mask[:, : width + step + 1],
            position_ids=(lengths + step)[:, None],
            past_key_values=cache,
            use_cache=True,
        ).logits[:, -1]
    return found
