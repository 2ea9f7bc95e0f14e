"""FLOW (arXiv 2502.02797): rows that pi_0 finds likely count for more, the others for less.

In:  rows whose targets have a mean NLL of 0.4, 0.8, 2.0 nats a token under pi_0, tau 1
Out: column "weight": exp(-0.4 / 0.8), exp(-1), exp(-2.0 / 0.8)      0.8 is the median

A row's weight multiplies the loss of each of its tokens; a step's loss is still divided by its number of tokens. pi_0
does not change while it is trained: the weights are computed once, when the rows are tokenised.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasks.finetune.dataset import WEIGHT
from tasks.finetune.tokenised import columns_of, put_back, questions, scorer


def weigh_dataset(folder: Path, model: Any, tau: float) -> dict[str, float]:
    """Give the tokenised dataset in `folder` its weights.

    Returns:
        median_nll of the rows, nats a token; mean_weight; effective_rows, (sum of w)^2 / sum of w^2.
    """
    columns = columns_of(folder)
    asked = questions(columns["input_ids"], columns["labels"])
    sums = scorer(model).log_likelihoods(asked)
    nll_R = [-total / max(1, len(one.targets[0])) for one, (total,) in zip(asked, sums, strict=True)]
    found_R = weights(nll_R, tau)
    put_back(folder, columns | {WEIGHT: found_R.tolist()})
    effective = float(found_R.sum() ** 2 / (found_R**2).sum())
    return {"median_nll": float(np.median(nll_R)), "mean_weight": float(found_R.mean()), "effective_rows": effective}


def weights(nll_R: Sequence[float], tau: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """exp(-nll / (tau * median)) of each row; 1 where the median is 0."""
    of_R = np.asarray(nll_R, dtype=np.float64)
    scale = tau * float(np.median(of_R))
    return np.exp(-of_R / scale) if scale > 0 else np.ones_like(of_R)
