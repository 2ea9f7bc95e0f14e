"""Selective token masking (STM, arXiv 2501.14315): target tokens that pi_0 finds unlikely are not trained on.

In:  labels [-100, -100, 412, 7, 2] whose tokens have log-probabilities [-0.1, -3.0, -0.2] under pi_0, perplexity 2.5
Out: labels [-100, -100, 412, -100, 2]      exp(3.0) = 20.1 exceeds 2.5

A token stays in what is read; it is only not learned. A step's loss is the mean over the tokens that are left. pi_0's
probabilities do not change while it is trained: they are computed once, when the rows are tokenised.
"""

from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import Any

import torch

from tasks.finetune.dataset import IGNORE
from tasks.finetune.tokenised import columns_of, put_back, questions, scorer


class NothingLeft(ValueError):
    """No target token is as likely under pi_0 as asked for."""


def mask_dataset(folder: Path, model: Any, perplexity: float) -> dict[str, int]:
    """Mask the tokenised dataset in `folder`, in its place.

    Returns:
        target_tokens that are left, masked_tokens.

    Raises:
        NothingLeft: all would be masked.
    """
    columns = columns_of(folder)
    labels = columns["labels"]
    before = sum(label != IGNORE for row in labels for label in row)
    columns["labels"] = mask(columns["input_ids"], labels, model, perplexity)
    left = sum(label != IGNORE for row in columns["labels"] for label in row)
    if not left:
        raise NothingLeft(f"most_perplexing {perplexity:g}: pi_0 finds each of {before} target tokens less likely")
    put_back(folder, columns)
    return {"target_tokens": left, "masked_tokens": before - left}


def mask(
    ids: Sequence[Sequence[int]], labels: Sequence[Sequence[int]], model: Any, perplexity: float
) -> list[list[int]]:
    """The labels without those of tokens whose perplexity 1/p under `model` exceeds `perplexity`."""
    asked = questions(ids, labels)
    found = [list(row) for row in labels]
    with torch.no_grad():
        for batch in scorer(model).token_logprobs(asked):
            for (number, _), logprobs in zip(batch.items, batch.logprobs.tolist(), strict=True):
                prompt, target = len(asked[number].prompt), asked[number].targets[0]
                for place in range(len(target)):
                    if -logprobs[place] > log(perplexity):
                        found[number][prompt + place] = IGNORE
    return found
