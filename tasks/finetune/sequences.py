"""Several rows in one sequence: how they are laid out.

In:  two rows {"input_ids": [1, 7, 9, 2], "labels": [-100, -100, 9, 2]} and {"input_ids": [1, 4, 2], …}, bucket 8
Out: input_ids [[1, 7, 9, 2, 1, 4, 2, 0]], position_ids [[0, 1, 2, 3, 0, 1, 2, 0]], row_ends (4, 7, 8)

The first token of a row is its prompt's, whose label is masked: the end of the row before predicts nothing. What fills
the sequence up to the bucket is a row of its own without labels. A row's weight, if it has one, is that of its tokens.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from tasks.finetune.dataset import IGNORE, WEIGHT

BUCKET = 64  # tokens that a sequence's length is rounded up to


def collate(rows: Sequence[Mapping[str, Any]], bucket: int = BUCKET) -> dict[str, Any]:
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
    weights = [row[WEIGHT] for row in rows if WEIGHT in row for _ in row["input_ids"]]
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([positions]),
        "labels": torch.tensor([labels]),
        "row_ends": tuple(ends),
    } | ({"weights": torch.tensor([weights + [0.0] * filling])} if weights else {})
