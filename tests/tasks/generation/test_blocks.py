"""Blocks and shards: what is cut from the rows, and what a kill leaves."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.generation.blocks import complete, cut
from tasks.generation.vllm_sampling import Completion, row_seed
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


def test_only_blocks_that_are_missing_are_generated(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def generate(ids: Sequence[str], prompts: Sequence[Sequence[int]]) -> list[Completion]:
        asked.append(list(ids))
        return [Completion(f"{row_id}:{len(prompt)}", True, 1) for row_id, prompt in zip(ids, prompts, strict=True)]

    blocks = cut(["a", "b", "c", "d", "e"], 2)
    prompts = {"a": [1], "b": [1, 2], "d": [1], "e": [1, 2, 3]}  # c's prompt was too long
    first = complete(tmp_path, blocks, prompts, generate)
    assert [row["id"] for row in first] == ["a", "b", "d", "e"]
    assert first[3] == {"id": "e", "text": "e:3", "finished": True, "tokens": 1}
    (tmp_path / "000001.jsonl").unlink()
    asked.clear()
    assert complete(tmp_path, blocks, prompts, generate) == first
    assert asked == [["d"]]


def test_blocks_of_another_size_than_an_earlier_attempts_are_generated_anew(tmp_path: Path) -> None:
    def generate(ids: Sequence[str], prompts: Sequence[Sequence[int]]) -> list[Completion]:
        return [Completion(row_id, True, 1) for row_id in ids]

    prompts = {row_id: [1] for row_id in "abcde"}
    for size in (2, 3, 2):
        rows = complete(tmp_path, cut(list("abcde"), size), prompts, generate)
        assert [(row["id"], row["text"]) for row in rows] == [(row_id, row_id) for row_id in "abcde"]


def test_a_row_samples_from_its_own_stream_whatever_its_neighbours() -> None:
    assert row_seed(0, "a/1") == row_seed(0, "a/1")
    assert len({row_seed(seed, f"a/{n}") for seed in range(3) for n in range(50)}) == 150
