"""FLOW's weights are those of a plain forward pass of pi_0, put beside the rows."""

import math
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.finetune.test_masking import NANO, _rows

pytestmark = pytest.mark.sft


@pytest.fixture(scope="module")
def nano() -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float32).eval()


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_a_row_counts_by_its_nll_in_medians_of_the_rows(nano: Any, tau: float, tmp_path: Path) -> None:
    import torch
    from datasets import Dataset, load_from_disk

    from tasks.finetune.easy_rows import weigh_dataset

    ids, labels = _rows(nano)
    columns = {"input_ids": ids, "attention_mask": [[1] * len(row) for row in ids], "labels": labels}
    Dataset.from_dict(columns).save_to_disk(str(tmp_path / "tokens"))
    told = weigh_dataset(tmp_path / "tokens", nano, tau)
    nll = []
    for row in ids:
        with torch.no_grad():
            logprobs_TV = nano(torch.tensor([row])).logits[0, 5:-1].log_softmax(1)
        nll.append(-logprobs_TV.gather(1, torch.tensor(row)[6:, None]).mean().item())
    median = sorted(nll)[1]
    kept = load_from_disk(str(tmp_path / "tokens")).to_dict()
    assert {name: kept[name] for name in columns} == columns
    assert kept["weight"] == pytest.approx([math.exp(-one / (tau * median)) for one in nll], rel=1e-4)
    assert told["median_nll"] == pytest.approx(median, rel=1e-4) and 1 < told["effective_rows"] < 3
    assert told["mean_weight"] == pytest.approx(sum(kept["weight"]) / 3)


def test_where_pi_0_is_sure_of_all_rows_all_count_alike() -> None:
    from tasks.finetune.easy_rows import weights

    assert weights([0.0, 0.0, 0.0], 1.0).tolist() == [1.0, 1.0, 1.0]
