"""LLaMA-Factory reads a dataset that was handed on, as it is, by its dataset_info.json."""

from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.sft


def test_llamafactory_masks_the_prompt_and_trains_on_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import load_dataset
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    from flows.hand_on.dataset import NAME, write_dataset
    from tasks.rows.prompts import question_prompt
    from tests.flows.hand_on.made import training_set

    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    home, made = training_set(tmp_path / "store", text="pears")
    write_dataset(home, made, tmp_path / "out")
    asked = {
        "stage": "sft",
        "do_train": True,
        "model_name_or_path": str(ROOT / "infra" / "nano" / "model"),
        "dataset_dir": str(tmp_path / "out"),
        "dataset": NAME,
        "template": "empty",
        "finetuning_type": "full",
        "output_dir": str(tmp_path / "trained"),
        "overwrite_cache": True,
        "use_cpu": True,
        "report_to": "none",
    }
    model, data, training, _, _ = get_train_args(asked)
    tokenizer = load_tokenizer(model)
    template = get_template_and_fix_tokenizer(tokenizer["tokenizer"], data)
    rows = get_dataset(template, model, data, training, "sft", **tokenizer)["train_dataset"]
    encode = tokenizer["tokenizer"].encode
    texts = load_dataset(str(tmp_path / "out"), split="train")
    for row, text in zip(rows, texts, strict=True):
        target = encode(text["target"], add_special_tokens=False)
        prompt = encode(question_prompt(text["question"]), add_special_tokens=False)
        assert [one for one in row["labels"] if one != -100][: len(target)] == target
        assert row["input_ids"][: len(prompt)] == prompt
        assert row["labels"][: len(prompt)] == [-100] * len(prompt)
