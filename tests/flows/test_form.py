"""A form's answers become an experiment, or a sentence that says what would fit."""

from typing import Any

import pytest

from flows.experiment import load_experiment
from flows.form import FormError, experiment_of, experiments_of, name_of


def test_changes_are_put_upon_presets_and_those_upon_the_backbones_file_or_a_whole_experiment() -> None:
    answers: Any = (["smoke"], ["sample.rows=80", " split.sft_rows = 24\ntrain_agent.steps=3 "])
    wanted = {"sample.rows": 80, "split.sft_rows": 24, "train_agent.steps": 3}
    assert experiment_of("nano", *answers) == load_experiment("nano", wanted, ["smoke"])
    whole = load_experiment("nano", {"finetune.epochs": 7, "drift.passages": None})
    made = experiment_of("ignored", *answers, whole)
    assert made == load_experiment("nano", wanted | {"drift.passages": None}, ["smoke"])
    assert experiment_of("ignored", experiment=whole) == whole


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"changes": ["sample.row=7"]}, r"^no field sample\.row: did you mean sample\.rows\?"),
        ({"changes": ["sample.rows"]}, "is not FIELD=VALUE, as in sample.rows=500"),
        ({"changes": ["sample.rows=0"]}, "it takes an integer, at least 1"),
        ({"changes": ["finetune.loss=eaft"]}, "the loss is the method's alone.*choose the method eaft$"),
        ({"changes": ["finetune.loss=hinge"]}, "the loss is the method's alone.*there are nll,"),
        ({"changes": ["split.part=agent"]}, "this would change nothing: each part of the split is made"),
        ({"changes": ["corpora.0.verifier=code"]}, "set gate.verifier"),
        ({"changes": ["sample.rows=5", "sample.rows=6"]}, "sample.rows is set twice, to 5 and to 6"),
        (
            {"changes": ["finetune.l2=2.0"], "methods": ["sft", "l2"]},
            r"the method l2 sets it itself, to 4\.0, so this .*--strengths l2=2\.0, .*tasks/methods/l2\.yaml",
        ),
        ({"changes": ["rewrite.temperature=0.5"], "method": "best_of_n"}, r"best_of_n sets it itself, to 1\.0"),
        ({"preset": ["smok"]}, "no preset 'smok': did you mean smoke?"),
        ({"backbone": "nanno"}, "no backbone 'nanno': did you mean nano?"),
        ({"backbones": ["nano", "Mistral-7B"]}, "did you mean Mistral-7B-Instruct-v0.3?"),
        ({"experiment": {"backbone": {"name": "x"}}}, "^experiment: backbone.model is missing"),
    ],
)
def test_an_answer_that_does_not_fit_is_told_with_what_would(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(FormError, match=said):
        experiments_of(asked)


def test_what_a_method_leaves_as_it_is_asked_may_be_set() -> None:
    same = {"changes": ["finetune.l2=4.0", "train_agent.steps=3"], "methods": ["sft", "l2", "best_of_n"]}
    (made,) = experiments_of(same)
    assert made.finetune.l2 == 4.0 and made.train_agent.steps == 3


def test_a_study_over_rates_is_called_so() -> None:
    asked = {"backbones": ["nano"], "seeds": [0, 1], "rates": [8e-4, 1.2e-3]}
    assert name_of("study", asked) == "nano-study-2-rates-seeds-0-1"
    assert name_of("study", asked | {"rates": []}) == "nano-study-seeds-0-1"
    assert name_of("study", asked | {"strengths": ["all"]}) == "nano-study-2-rates-strengths-seeds-0-1"
