"""The tokenised dataset, changed by what pi_0 says of its targets, once, before it is trained on.

In:  {"input_ids": [[1, 7, 9, 4, 2], …], "attention_mask": …, "labels": [[-100, -100, 9, 4, 2], …]} as an Arrow dataset
Out: Question(prompt=[1, 7], targets=[[9, 4, 2]]) a row, for the scorer; other columns in the same folder
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.finetune.dataset import IGNORE
from tasks.score.batches import Question
from tasks.score.nll import TOKENS_PER_BATCH
from tasks.score.shared_prefix import SharedPrefix

Columns = dict[str, list[Any]]


def columns_of(folder: Path) -> Columns:
    """The dataset in `folder`."""
    from datasets import load_from_disk

    columns: Columns = load_from_disk(str(folder)).to_dict()
    return columns


def put_back(folder: Path, columns: Columns) -> None:
    """Other columns in its place."""
    from datasets import Dataset

    changed = folder.with_name(f"{folder.name}.changed")
    Dataset.from_dict(columns).save_to_disk(str(changed))
    shutil.rmtree(folder)
    changed.rename(folder)


def questions(ids: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]) -> list[Question]:
    """A row's prompt, up to its first label, and what follows as its one target."""
    found = []
    for row_ids, row in zip(ids, labels, strict=True):
        prompt = next((place for place, label in enumerate(row) if label != IGNORE), len(row))
        found.append(Question(list(row_ids[:prompt]), [list(row_ids[prompt:])]))
    return found


def scorer(model: Any) -> SharedPrefix:
    """Reads questions with pi_0, as the score stage does."""
    return SharedPrefix(model, TOKENS_PER_BATCH["cuda" if model.device.type == "cuda" else "cpu"], bucket=8)
