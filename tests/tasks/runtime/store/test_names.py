"""A name tells stage, backbone, method, seed and part; people ask by the beginning of a key or of a name."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.runtime.store import names
from tasks.runtime.store.names import (
    asked_by,
    choose,
    fitting,
    is_name,
    name_of,
    names_of,
    part_of,
    readable,
    tags_of,
)
from tasks.runtime.store.store import Artifact, Manifest

KEYS = {kind: f"{number}" * 32 for number, kind in enumerate(("backbone", "sample", "split", "rewrite", "report"), 1)}


def manifest(kind: str, inputs: dict[str, str], **more: object) -> Manifest:
    given = {name: Artifact(kind=one, key=KEYS[one], digest="d") for name, one in inputs.items()}
    return Manifest(kind=kind, key=KEYS[kind], inputs=given, **more)  # type: ignore[arg-type]


CHAIN = [
    manifest("backbone", {}, run={"task_run": "backbone tiny-1.5B"}, config={"tokenizer_only": False}),
    manifest("sample", {"tokenizers.tiny": "backbone"}),
    manifest("split", {"sample": "sample"}, config={"part": "sft"}),
    manifest(
        "rewrite",
        {"rows": "split", "backbone": "backbone"},
        config={"shard": 1},
        run={"task_run": "rewrite shard 1 + adapter (rewriting_agent/0)"},
    ),
    manifest("report", {"rewrites.rewriting_agent/0": "rewrite"}, config={"backbone": "tiny-1.5B"}),
]


def test_what_was_published_without_a_name_gets_one_from_its_manifest() -> None:
    assert list(names_of(CHAIN).values()) == [
        "backbone/tiny-1.5B/11111111",
        "sample/22222222",  # tokenizers only count its tokens: all backbones share it
        "split/sft/33333333",
        "rewrite/tiny-1.5B/rewriting_agent-seed0/shard1/44444444",
        "report/tiny-1.5B/55555555",
    ]


def test_a_name_that_was_given_stays_and_tells_the_backbone_of_what_is_made_from_it() -> None:
    by_key = {one.key: one for one in CHAIN}
    named = CHAIN[0].model_copy(update={"name": "backbone/mine/11111111"})
    by_key[named.key] = named
    assert name_of(named, by_key.get) == "backbone/mine/11111111"
    assert name_of(CHAIN[3], by_key.get) == "rewrite/mine/rewriting_agent-seed0/shard1/44444444"
    assert name_of(CHAIN[3], lambda _: None) == "rewrite/rewriting_agent-seed0/shard1/44444444", "its inputs are gone"
    assert name_of(CHAIN[0], lambda _: None, called="other") == "backbone/other/11111111"


@given(st.text(), st.text(), st.text(), st.text(min_size=1))
def test_any_text_makes_a_path_below_the_tree(kind: str, backbone: str, part: str, key: str) -> None:
    name = readable(f"s{kind}", f"0{key}", backbone, "m", 3, part)
    assert is_name(name), name
    assert not Path(name).is_absolute() and ".." not in Path(name).parts
    assert all(len(one.encode()) <= 255 for one in name.split("/"))


@pytest.mark.parametrize("name", ["", "one", "../x", "a//b", "/a/b", "a/.b", "a/b\n", "a/<script>", "a/..", "a/ b"])
def test_a_forged_name_is_none(name: str) -> None:
    assert not is_name(name)


def test_parts_tell_siblings_apart() -> None:
    assert part_of({"loss": "nll", "seed": 42}) == "nll"
    assert part_of({"shard": 0, "shards": 2}) == "shard0"
    assert fitting(part_of({"benchmarks": ["a", "b", "c", "d", "e"]})) == "a+b+c+2more"
    assert part_of({"tokenizer_only": True}) == "tokenizer"
    assert asked_by(tags_of("rewrite shard 1 (other, no_dist/3)")) == ("no_dist", 3) and not tags_of("corpus x")
    assert asked_by(tags_of("finetune sft_kl seed 0 (rate 0.0008, sft_kl=1e-05/0)")) == ("sft_kl=1e-05", 0)


NAMES = {
    "5f0c9a1e" * 4: "finetune/nano/sft-seed0/nll/5f0c9a1e",
    "5f0d0000" * 4: "finetune/nano/sft-seed1/nll/5f0d0000",
    "a74f1111" * 4: "evaluate/nano/sft-seed0/nano_facts/a74f1111",
    "a74f2222" * 4: "evaluate/nano/sft-seed0/nano_words/a74f2222",
}


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ("5f0c", "5f0c9a1e"),
        ("finetune/nano/sft-seed1/nll/5f0d0000", "5f0d0000"),
        ("finetune/nano/sft-seed1/nll", "5f0d0000"),
        ("finetune/nano/sft-seed0", "5f0c9a1e"),
        ("store/by-name/evaluate/nano/sft-seed0/nano_w", "a74f2222"),
        ("finetune/nano/sft-seed0/nll/5f0c…", "5f0c9a1e"),
    ],
)
def test_the_beginning_of_a_key_or_name_is_enough(asked: str, key: str) -> None:
    assert choose(asked, NAMES) == key * 4


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("5f0", "means 2 artifacts: say more of finetune/nano/sft-seed0/nll/5f0c9a1e, finetune/nano/sft-seed1"),
        ("evaluate/nano", "means 2 artifacts"),
        ("finetune/nano/sft-sed0", "did you mean finetune/nano/sft-seed"),
        ("evalute", r"did you mean evaluate\?"),
        ("5f0e9a1e", "did you mean finetune/nano/sft-seed0/nll/5f0c9a1e"),
        ("zzzz", "no artifact has a key or name that begins with 'zzzz': `rewriting-agent store list` has all"),
        ("", "no artifact has a key or name that begins with ''"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_near(asked: str, said: str) -> None:
    with pytest.raises(LookupError, match=said):
        choose(asked, NAMES)


def test_names_are_short_enough_for_any_file_system() -> None:
    assert len(fitting(string.ascii_letters * 10)) == names.LONGEST
