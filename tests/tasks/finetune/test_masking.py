"""STM masks exactly the target tokens that the model finds unlikely."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.sft

NANO = Path(__file__).resolve().parents[3] / "infra" / "nano" / "model"


@pytest.fixture(scope="module")
def nano() -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float32).eval()


def _rows(nano: Any) -> tuple[list[list[int]], list[list[int]]]:
    """The model's own continuations, in which a few tokens were put that it did not expect."""
    import random

    import torch

    draw, ids, labels = random.Random(0), [], []
    for length in (12, 30, 21):
        prompt = [draw.randrange(nano.config.vocab_size) for _ in range(6)]
        own = nano.generate(torch.tensor([prompt]), max_new_tokens=length, do_sample=False, eos_token_id=None)[
            0
        ].tolist()
        for place in (8, 11):
            own[place] = draw.randrange(nano.config.vocab_size)
        ids.append(own)
        labels.append([-100] * 6 + own[6:])
    return ids, labels


@pytest.mark.parametrize("perplexity", [1.5, 2.5, 20.0])
def test_masked_are_the_tokens_whose_perplexity_exceeds_the_bound(nano: Any, perplexity: float) -> None:
    import torch

    from tasks.finetune.masking import mask

    ids, labels = _rows(nano)
    found = mask(ids, labels, nano, perplexity)
    masked = 0
    for row, given, ours in zip(ids, labels, found, strict=True):
        with torch.no_grad():
            p_TV = nano(torch.tensor([row])).logits[0].softmax(1)
        for place, label in enumerate(given):
            unlikely = label != -100 and 1 / p_TV[place - 1, label].item() > perplexity
            assert ours[place] == (-100 if unlikely else label)
            masked += unlikely
    assert 0 < masked < sum(label != -100 for row in labels for label in row)


def test_a_dataset_is_masked_in_its_place_and_counted(nano: Any, tmp_path: Path) -> None:
    from datasets import Dataset, load_from_disk

    from tasks.finetune.masking import NothingLeft, mask, mask_dataset

    ids, labels = _rows(nano)
    columns = {"input_ids": ids, "attention_mask": [[1] * len(row) for row in ids], "labels": labels}
    Dataset.from_dict(columns).save_to_disk(str(tmp_path / "tokens"))
    told = mask_dataset(tmp_path / "tokens", nano, 2.5)
    kept = load_from_disk(str(tmp_path / "tokens")).to_dict()
    assert kept["input_ids"] == ids and kept["labels"] == mask(ids, labels, nano, 2.5)
    assert told["target_tokens"] + told["masked_tokens"] == sum(map(len, ids)) - 18
    kept["labels"] = [[label if unlikely else -100 for label, unlikely in zip(all_, (masked == -100 for masked in row),
                      strict=True)] for all_, row in zip(labels, kept["labels"], strict=True)]  # fmt: skip
    Dataset.from_dict(kept).save_to_disk(str(tmp_path / "unlikely"))
    with pytest.raises(NothingLeft, match=r"most_perplexing 2\.5: pi_0 finds each of \d+ target tokens less likely"):
        mask_dataset(tmp_path / "unlikely", nano, 2.5)
