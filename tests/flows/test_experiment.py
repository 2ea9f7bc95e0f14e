"""Experiments: the defaults are the paper's, a backbone changes little, and a mistake is told by file and field."""

from pathlib import Path
from typing import Any

import pytest

from flows.experiment import Experiment, ExperimentError, backbone_names, changed_fields, load_experiment

LARGE = ["Llama-3.2-1B-Instruct", "Llama-3.2-3B-Instruct", "Mistral-7B-Instruct-v0.3"]


@pytest.mark.parametrize("name", LARGE)
def test_the_papers_backbones_have_the_papers_settings(name: str) -> None:
    experiment = load_experiment(name)
    assert experiment.sample.rows == 100_000
    assert experiment.sample.max_tokens == 8192
    assert (experiment.split.sft_rows, experiment.split.agent_rows) == (50_000, 50_000)
    assert (experiment.train_agent.rank, experiment.train_agent.alpha) == (64, 32)
    assert (experiment.train_agent.prompts_per_step, experiment.train_agent.candidates) == (512, 10)
    assert (experiment.train_agent.max_prompt_tokens, experiment.train_agent.max_new_tokens) == (2048, 4096)
    assert (experiment.rewrite.temperature, experiment.rewrite.max_new_tokens, experiment.rewrite.batch) == (
        0,
        8192,
        36,
    )
    assert (experiment.finetune.epochs, experiment.finetune.global_batch) == (2, 128)
    assert experiment.finetune.learning_rate == (5e-6 if name.startswith("Mistral") else 7e-6)
    assert len(experiment.evaluate.benchmarks) == 8
    assert len(experiment.backbone.revision or "") == 40


def test_there_is_a_file_for_every_backbone() -> None:
    assert set(backbone_names()) == {"nano", *LARGE}


def test_one_field_can_be_changed() -> None:
    assert load_experiment("nano", {"sample.rows": 7, "train_agent.reward.variant": "task_only"}).sample.rows == 7


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"sample.rows": 7, "train_agent.reward.variant": "task_only", "measure.embedder": None},
        {"evaluate.benchmarks": ["nano_facts"], "shared_with": [{"name": "other", "model": "infra/nano/model"}]},
    ],
)
def test_what_was_changed_makes_the_same_experiment_of_the_file_again(changed: dict[str, Any]) -> None:
    experiment = load_experiment("nano", changed)
    found = changed_fields(experiment)
    assert found is not None and set(found) == set(changed)
    assert load_experiment("nano", found) == experiment


def test_an_experiment_of_a_file_of_ones_own_has_no_file_to_differ_from(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("backbone: {name: mine, model: infra/nano/model}\n")
    assert changed_fields(load_experiment(str(file))) is None


def test_a_field_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"nano.yaml: sample\.row: Extra inputs"):
        load_experiment("nano", {"sample.row": 7})
    with pytest.raises(ExperimentError, match=r"finetune\.learning_rate: Input should be greater than 0"):
        load_experiment("nano", {"finetune.learning_rate": -1})


def test_there_is_one_gate(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="one gate decides everywhere"):
        load_experiment("nano", {"train_agent.gate": {"answers": {"deadline_seconds": 1}}})


def test_an_unknown_backbone_lists_those_there_are() -> None:
    with pytest.raises(ExperimentError, match=r"Llama-3\.2-1B-Instruct"):
        load_experiment("Llama-4")


def test_a_file_of_the_users_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("backbone: {name: mine, model: infra/nano/model}\n")
    assert load_experiment(str(file)) == Experiment.model_validate(
        {"backbone": {"name": "mine", "model": "infra/nano/model"}}
    )


def test_every_field_explains_itself_in_the_form() -> None:
    schema = Experiment.model_json_schema()
    nameless = [
        f"{model}.{field}"
        for model, definition in schema["$defs"].items()
        for field, said in definition.get("properties", {}).items()
        if not said.get("description")
    ]
    assert nameless == []
