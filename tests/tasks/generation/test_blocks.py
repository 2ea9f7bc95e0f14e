"""Blocks and shards: what is cut from the rows, and what a kill leaves."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.generation.asked import Asked
from tasks.generation.blocks import Block, Key, complete, cut, one_by_one
from tasks.generation.vllm_sampling import Completion, Decoding, row_seed
from tasks.rewrite.config import RewriteConfig
from tasks.rewrite.vllm_engine import shard_ids


@given(st.sets(st.text(min_size=1, max_size=6), max_size=40), st.integers(1, 7), st.integers(1, 9))
def test_shards_hold_every_row_once_as_even_as_can_be_whatever_the_block(
    ids: set[str], shards: int, block: int
) -> None:
    parts = [
        shard_ids(sorted(ids, reverse=True), RewriteConfig(block=block, shards=shards, shard=shard))
        for shard in range(shards)
    ]
    assert [row_id for part in parts for row_id in part] == sorted(ids)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts[0] == shard_ids(sorted(ids), RewriteConfig(shards=shards, shard=0)), "a key holds no block"


@given(st.sets(st.text(min_size=1, max_size=6), max_size=40), st.integers(1, 9))
def test_blocks_hold_every_row_once(ids: set[str], block: int) -> None:
    cuts = cut(sorted(ids, reverse=True), block)
    assert [row_id for _, members in cuts for row_id in members] == sorted(ids)
    assert all(len(members) == block for _, members in cuts[:-1])


def test_an_id_that_appears_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"row a: the id appears twice"):
        cut(["b", "a", "a"], 2)


def test_a_shard_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="shards count from 0"):
        RewriteConfig(shards=2, shard=2)


def asking(folder: Path, ids: str, prompts: Mapping[str, Sequence[int]]) -> Asked:
    return Asked(folder, Decoding(9), list(ids), prompts)


def test_only_blocks_that_are_missing_are_generated(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def generate(ids: Sequence[str], prompts: Sequence[Sequence[int]]) -> list[Completion]:
        asked.append(list(ids))
        return [Completion(f"{row_id}:{len(prompt)}", True, 1) for row_id, prompt in zip(ids, prompts, strict=True)]

    prompts = {"a": [1], "b": [1, 2], "d": [1], "e": [1, 2, 3]}  # c's prompt was too long
    wanted = {"": asking(tmp_path, "abcde", prompts)}
    first = complete(wanted, 2, one_by_one(generate))
    assert [row["id"] for row in first[""]] == ["a", "b", "d", "e"]
    assert first[""][3] == {"id": "e", "text": "e:3", "finished": True, "tokens": 1}
    (tmp_path / "blocks" / "000001.jsonl").unlink()
    asked.clear()
    assert complete(wanted, 2, one_by_one(generate)) == first
    assert asked == [["d"]]


def test_blocks_of_several_sets_are_answered_in_any_order_and_stay_apart(tmp_path: Path) -> None:
    def backwards(blocks: Mapping[Key, Block]) -> Iterator[tuple[Key, list[Completion]]]:
        for key, block in reversed(blocks.items()):
            yield key, [Completion(f"{key[0]} {block.decoding.seed} {row_id}", True, 1) for row_id in block.ids]

    prompts = {row_id: [1] for row_id in "abcde"}
    wanted = {f"0{seed}": Asked(tmp_path / str(seed), Decoding(9, 1.0, seed=seed), "edcba", prompts) for seed in (0, 1)}
    found = complete(wanted, 2, backwards)
    assert {name: [row["text"] for row in rows] for name, rows in found.items()} == {
        f"0{seed}": [f"0{seed} {seed} {row_id}" for row_id in "abcde"] for seed in (0, 1)
    }


def test_blocks_of_another_size_than_an_earlier_attempts_are_generated_anew(tmp_path: Path) -> None:
    def generate(ids: Sequence[str], prompts: Sequence[Sequence[int]]) -> list[Completion]:
        return [Completion(row_id, True, 1) for row_id in ids]

    wanted = {"": asking(tmp_path, "abcde", {row_id: [1] for row_id in "abcde"})}
    for size in (2, 3, 2):
        rows = complete(wanted, size, one_by_one(generate))[""]
        assert [(row["id"], row["text"]) for row in rows] == [(row_id, row_id) for row_id in "abcde"]


def test_a_row_samples_from_its_own_stream_whatever_its_neighbours() -> None:
    assert row_seed(0, "a/1") == row_seed(0, "a/1")
    assert len({row_seed(seed, f"a/{n}") for seed in range(3) for n in range(50)}) == 150
