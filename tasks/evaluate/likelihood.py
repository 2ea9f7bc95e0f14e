"""Multiple choice by log-likelihood: which option's letter the model finds likeliest, without letting it write.

In:  prompts and continuations as token ids: ([1, 5, 9], [44, 17]), ([1, 5, 9], [44, 18]), …
Out: (log-likelihood in nats, whether each of its tokens was the likeliest), …: (-0.31, True), (-2.75, False), …

It works where a small model's written answers are at chance, asks nothing of its format, and costs a forward pass a
question; what the model would write is another question. Computed with transformers, whatever generates elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from tasks.rows.precision import Dtype
from tasks.runtime.progress.progress import report
from tasks.score.load import load_backbone

Pair = tuple[Sequence[int], Sequence[int]]  # a prompt, a continuation
TOKENS = {"cpu": 4_096, "cuda": 65_536}  # of a batch, padded


@dataclass
class Likelihood:
    """Log-likelihoods by the model in a folder, which is in memory from the first call to `close`."""

    model: Path
    dtype: Dtype
    cuda: bool

    def __call__(self, pairs: Sequence[Pair]) -> list[tuple[float, bool]]:
        return log_likelihoods(self.network, pairs)

    @cached_property
    def network(self) -> Any:
        return load_backbone(self.model, self.dtype, self.cuda)

    def close(self) -> None:
        """Give the memory back: what generates takes nearly all that a GPU has."""
        self.__dict__.pop("network", None)
        if self.cuda:
            torch.cuda.empty_cache()


@torch.inference_mode()  # type: ignore[untyped-decorator]
def log_likelihoods(model: Any, pairs: Sequence[Pair]) -> list[tuple[float, bool]]:
    """Of each continuation given its prompt, in the order given; batches hold pairs of like lengths."""
    order = sorted(range(len(pairs)), key=lambda at: len(pairs[at][0]) + len(pairs[at][1]))
    found: dict[int, tuple[float, bool]] = {}
    budget, done = TOKENS["cuda" if model.device.type == "cuda" else "cpu"], 0
    while done < len(order):
        count = 1
        while done + count < len(order) and (count + 1) * _length(pairs[order[done + count]]) <= budget:
            count += 1
        batch = order[done : done + count]
        found |= dict(zip(batch, _batch(model, [pairs[at] for at in batch]), strict=True))
        done += count
        report(done, len(order), "options")
    return [found[at] for at in range(len(pairs))]


def _batch(model: Any, pairs: Sequence[Pair]) -> list[tuple[float, bool]]:
    width = max(map(_length, pairs))
    ids = torch.tensor([[*prompt, *more, *[0] * (width - _length((prompt, more)))] for prompt, more in pairs])
    mask = torch.tensor([[1] * _length(pair) + [0] * (width - _length(pair)) for pair in pairs])
    logits = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device)).logits
    found = []
    for row, (prompt, more) in zip(logits, pairs, strict=True):
        # The position before a token predicts it.
        scores = row[len(prompt) - 1 : len(prompt) + len(more) - 1].float().log_softmax(-1)
        tokens = torch.tensor(list(more), device=scores.device)
        greedy = bool((scores.argmax(-1) == tokens).all())
        found.append((float(scores.gather(1, tokens[:, None]).sum()), greedy))
    return found


def _length(pair: Pair) -> int:
    return len(pair[0]) + len(pair[1])
