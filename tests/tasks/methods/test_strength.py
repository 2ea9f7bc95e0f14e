"""A method at another strength is the same method under a longer name, and differs from it in that field alone."""

from pathlib import Path

import pytest

from tasks.methods.method import MethodError, methods, read
from tasks.methods.strength import (
    StrengthError,
    asked_at,
    label_of,
    method_at,
    method_of,
    over_strengths,
    shown,
    strength_of,
)

FILE = "label: A\nsaid: b\norder: 1\ncolour: sky\nchanges: {finetune.l2: 4}\n"


def test_each_method_is_run_over_its_grid_and_keeps_its_name_at_its_files_own_strength() -> None:
    compared = ["sft", "wise_ft", "sft_kl"]
    assert over_strengths(compared, []) == compared
    assert over_strengths(compared, ["all", "sft_kl=2,0.5,2"]) == [
        *("sft", "wise_ft=0.25", "wise_ft", "wise_ft=0.75", "sft_kl=0.5", "sft_kl=2"),
    ]
    assert over_strengths(compared, ["sft_kl", "sft_kl=8"])[2:] == ["sft_kl", "sft_kl=0.5", "sft_kl=2", "sft_kl=8"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("sft=1", "sft has no strength; those that have one: .*sft_kl"),
        ("l2=1", "l2 is not among the compared methods: sft, sft_kl"),
        ("sft_kl=2;8", "numbers with commas between, as in sft_kl=0.5,2"),
        ("sft_kl=nan", "numbers with commas between"),
        ("sft_kl=", "numbers with commas between"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_type(asked: str, said: str) -> None:
    with pytest.raises(StrengthError, match=said):
        over_strengths(["sft", "sft_kl"], [asked])
    with pytest.raises(StrengthError, match=r"none of sft, dft has one; those that have: .*wise_ft"):
        over_strengths(["sft", "dft"], ["all"])


def test_a_name_says_its_method_strength_and_label() -> None:
    assert (method_of("sft_kl=0.5"), strength_of("sft_kl=0.5"), strength_of("sft_kl")) == ("sft_kl", 0.5, 0.1)
    assert (strength_of("sft"), strength_of("made_up"), strength_of("made_up=2")) == (None, None, 2.0)
    assert (label_of("sft_kl"), label_of("sft_kl=2")) == ("SFT + KL", "SFT + KL, weight 2")
    assert (label_of("made_up"), label_of("made_up=2")) == (None, None)
    for odd in ("<img src=x>", "sft_kl=", "sft_kl=x", "sft_kl=1e", "="):
        assert (method_of(odd), strength_of(odd), label_of(odd)) == (odd, None, None), "a name that nobody made here"
    assert [strength_of(f"l2={shown(value)}") for value in (1e-5, 1e20, 0.30000000000000004)] == [1e-5, 1e20, 0.3]
    assert asked_at(["sft", "sft_kl", "sft_kl=2", "dft"]) == ["sft_kl=0.1,2"]


def test_another_strength_changes_its_field_alone() -> None:
    known = methods()
    assert method_at("sft") is known["sft"] and method_at("sft_kl") is known["sft_kl"]
    assert method_at("sft_kl=2").changes == known["sft_kl"].changes | {"finetune.anchor": 2.0}
    assert (method_at("wise_ft=0.25").share, method_at("replay_10=0.01").mixture) == (0.25, known["replay_1"].mixture)
    best = known["best_of_n"].targets
    assert method_at("best_of_n=4").targets == best.model_copy(update={"samples": 4})


def test_every_label_at_a_strength_has_room_where_labels_stand() -> None:
    for one in methods().values():
        for value in one.strength.grid if one.strength else ():
            assert len(label_of(f"{one.name}={value:g}") or "") <= 24


@pytest.mark.parametrize(
    ("strength", "fault"),
    [
        (
            "field: finetune.anchor, grid: [1, 4], label: 'A, {}'",
            "finetune.anchor: the file sets no such number",
        ),
        ("field: share, grid: [1, 4], label: 'A, {}'", "strength.field share: the file sets no such number"),
        ("field: finetune.l2, grid: [1, 2], label: 'A, {}'", "strength.grid: lacks 4"),
        ("field: finetune.l2, grid: [1, 4], label: A", r"strength\.label"),
    ],
)
def test_a_strength_that_the_file_does_not_set_is_named_with_its_field(
    tmp_path: Path, strength: str, fault: str
) -> None:
    (tmp_path / "mine.yaml").write_text(f"{FILE}strength: {{{strength}}}\n")
    with pytest.raises(MethodError, match=f"mine.yaml.*{fault}"):
        read(tmp_path / "mine.yaml")
