"""TRL trains on a dataset that was handed on, as it is: on the completion alone, the chat template applied."""

from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.inference


def test_trl_masks_the_prompt_and_trains_on_the_target(tmp_path: Path) -> None:
    from datasets import load_dataset
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    from flows.hand_on.dataset import write_dataset
    from tasks.rows.prompts import question_prompt
    from tasks.rows.tokens import ChatTokens
    from tests.flows.hand_on.made import training_set

    home, made = training_set(tmp_path / "store", text="pears")
    write_dataset(home, made, tmp_path / "out")
    nano = ROOT / "infra" / "nano" / "model"
    rows = load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    options = SFTConfig(output_dir=str(tmp_path / "trl"), use_cpu=True, max_steps=1, report_to="none", bf16=False)
    tokenizer = AutoTokenizer.from_pretrained(str(nano))
    trainer = SFTTrainer(str(nano), args=options, train_dataset=rows, processing_class=tokenizer)
    tokens = ChatTokens(nano)
    for row, said in zip(rows, trainer.train_dataset, strict=True):
        prompt = tokens.prompt(question_prompt(row["question"]))
        assert said["input_ids"][: len(prompt)] == prompt
        target = tokens.target(row["target"])
        assert said["input_ids"][len(prompt) :][: len(target)] == target
        mask = said.get("completion_mask") or [int(label != -100) for label in said["labels"]]
        assert sum(mask[: len(prompt)]) == 0 and all(mask[len(prompt) :])
    assert trainer.train().training_loss > 0
