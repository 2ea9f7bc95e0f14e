"""Strengths of a study's methods: a value that an experiment refuses is told before anything is run."""

import pytest

from flows.experiment import load_experiment
from flows.form import FormError
from flows.strengths import at_strengths
from tasks.methods.method import methods


def test_every_grid_of_a_file_fits_the_experiment() -> None:
    having = [name for name, one in methods().items() if one.strength]
    assert len(at_strengths([load_experiment("nano")], having, ["all"])) == sum(
        len(one.strength.grid) for one in methods().values() if one.strength
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("sft_kl=-1", r"sft_kl=-1: nano: finetune\.anchor=-1\.0: .*it takes a number, at least 0 \(Weight"),
        (
            "lora_sft=8.5",
            r"lora_sft=8\.5: nano: finetune\.lora_rank=8\.5: .*an integer, at least 1, at most 512",
        ),
        ("wise_ft=2", r"wise_ft=2: share=2\.0: .*it takes a number, more than 0, less than 1"),
        ("best_of_n=65", r"best_of_n=65: targets\.samples=65\.0: .*it takes an integer, at least 0, at most 64"),
        ("sft=1", "sft has no strength"),
    ],
)
def test_a_value_out_of_bounds_is_told_with_method_field_and_bounds(asked: str, said: str) -> None:
    with pytest.raises(FormError, match=said):
        at_strengths([load_experiment("nano")], ["sft", "sft_kl", "lora_sft", "wise_ft", "best_of_n"], [asked])
