"""The queue: rows in any order, each once, whatever killed the run before."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.generation.asked import Asked
from tasks.generation.queue import Key, complete, drop_half_line
from tasks.generation.vllm_sampling import Completion, Decoding, Prompt
from tasks.rows.jsonl import RowError, read_rows
from tasks.runtime.progress.progress import Progress, handled_by

PROMPTS = {f"r/{number}": [number] for number in range(7)}
SAMPLES = ("00", "01")


def asking(folder: Path) -> dict[str, Asked]:
    """Two samples of the same rows."""
    return {
        name: Asked(folder / name, Decoding(9, 1.0, seed=seed), list(PROMPTS), PROMPTS)
        for seed, name in enumerate(SAMPLES)
    }


class Died(Exception):
    """Stands for kill -9."""


def backwards(missing: Mapping[Key, Prompt]) -> Iterator[tuple[Key, Completion]]:
    for key in sorted(missing, reverse=True):
        row = missing[key]
        yield key, Completion(f"answer {row.decoding.seed} to {row.row_id}", True, row.token_ids[0])


@given(deaths=st.lists(st.integers(0, 13), max_size=4), cut=st.integers(0, 40))
def test_every_row_is_asked_for_until_it_is_written_and_then_never_again(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[int], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("queue")
    asked, answered = asking(folder), list[Key]()

    def dying(after: int | None) -> object:
        def stream(missing: Mapping[Key, Prompt]) -> Iterator[tuple[Key, Completion]]:
            assert not set(missing) & set(answered)
            for number, (key, answer) in enumerate(backwards(missing)):
                if number == after:
                    raise Died
                yield key, answer
                answered.append(key)

        return stream

    for after in deaths:
        try:
            complete(asked, dying(after))  # type: ignore[arg-type]
        except Died:
            with (folder / SAMPLES[after % 2] / "finished.jsonl").open("ab") as file:
                file.write(b'{"id": "r/0", "text": "half a line that a kill cut off"'[:cut])
    found = complete(asked, dying(None))  # type: ignore[arg-type]
    for seed, name in enumerate(SAMPLES):
        texts = [(row["id"], row["text"]) for row in found[name]]
        assert texts == [(row_id, f"answer {seed} to {row_id}") for row_id in PROMPTS]
        assert sorted(row["id"] for row in read_rows(folder / name / "finished.jsonl")) == sorted(PROMPTS)
    assert complete(asked, dying(0)) == found, "nothing is missing, so no engine starts"  # type: ignore[arg-type]


def test_the_samples_of_a_row_are_asked_for_beside_each_other(tmp_path: Path) -> None:
    order: list[Key] = []

    def stream(missing: Mapping[Key, Prompt]) -> Iterator[tuple[Key, Completion]]:
        order.extend(missing)
        return backwards(missing)

    complete(asking(tmp_path), stream)
    assert order[:4] == [("00", "r/0"), ("01", "r/0"), ("00", "r/1"), ("01", "r/1")]


def test_the_longest_prompt_goes_first_where_a_set_asks_for_it(tmp_path: Path) -> None:
    order: list[str] = []

    def stream(missing: Mapping[Key, Prompt]) -> Iterator[tuple[Key, Completion]]:
        order.extend(row_id for _, row_id in missing)
        return backwards(missing)

    prompts = {"a": [1], "b": [1, 2, 3], "c": [1, 2], "d": [1, 2, 3]}
    found = complete({"00": Asked(tmp_path, Decoding(9), list(prompts), prompts, longest_first=True)}, stream)
    assert order == ["b", "d", "c", "a"]
    assert [row["id"] for row in found["00"]] == ["a", "b", "c", "d"], "it is only speed"


def test_progress_counts_all_and_says_how_far_a_set_is_that_is_told(tmp_path: Path) -> None:
    told: list[Progress] = []
    asked = asking(tmp_path)
    asked["01"] = replace(asked["01"], told=True)
    with handled_by(told.append):
        complete(asked, backwards, "answers")  # those of "01" end first
    assert [(now.done, now.total, now.unit) for now in told] == [(done, 14, "answers") for done in range(15)]
    assert [now.values for now in told[:9]] == [{}, *({"01": done / 7} for done in range(1, 8)), {"01": 1.0}]


def test_an_engine_that_leaves_rows_out_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="left 13 of 14 rows without an answer"):
        complete(asking(tmp_path), lambda missing: iter([next(backwards(missing))]))


def test_a_broken_line_that_is_not_the_last_is_named_and_not_dropped(tmp_path: Path) -> None:
    path = tmp_path / "00" / "finished.jsonl"
    path.parent.mkdir()
    path.write_text("{broken\n" + '{"id": "r/0", "text": "", "finished": true, "tokens": 1}\n')
    with pytest.raises(RowError, match="line 1"):
        complete(asking(tmp_path), backwards)


def test_a_half_line_longer_than_a_piece_of_the_file_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "finished.jsonl"
    path.write_bytes(b"whole\n" + b"x" * 200_000)
    drop_half_line(path)
    assert path.read_bytes() == b"whole\n"
