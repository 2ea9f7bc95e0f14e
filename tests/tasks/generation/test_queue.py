"""The queue: rows in any order, each once, whatever killed the run before."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.generation.queue import complete, drop_half_line
from tasks.generation.vllm_sampling import Completion
from tasks.rows.jsonl import RowError, read_rows

PROMPTS = {f"r/{number}": [number] for number in range(7)}


class Died(Exception):
    """Stands for kill -9."""


def backwards(missing: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, Completion]]:
    for row_id in sorted(missing, reverse=True):
        yield row_id, Completion(f"answer to {row_id}", True, missing[row_id][0])


@given(deaths=st.lists(st.integers(0, 6), max_size=4), cut=st.integers(0, 40))
def test_every_row_is_asked_for_until_it_is_written_and_then_never_again(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[int], cut: int
) -> None:
    path = tmp_path_factory.mktemp("queue") / "finished.jsonl"
    answered: list[str] = []

    def dying(after: int | None) -> object:
        def stream(missing: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, Completion]]:
            assert not set(missing) & set(answered)
            for number, (row_id, answer) in enumerate(backwards(missing)):
                if number == after:
                    raise Died
                yield row_id, answer
                answered.append(row_id)

        return stream

    for after in deaths:
        try:
            complete(path, PROMPTS, dying(after))  # type: ignore[arg-type]
        except Died:
            with path.open("ab") as file:
                file.write(b'{"id": "r/0", "text": "half a line that a kill cut off"'[:cut])
    rows = complete(path, PROMPTS, dying(None))  # type: ignore[arg-type]
    assert [(row["id"], row["text"]) for row in rows] == [(row_id, f"answer to {row_id}") for row_id in PROMPTS]
    assert sorted(row["id"] for row in read_rows(path)) == sorted(PROMPTS)
    assert complete(path, PROMPTS, dying(0)) == rows, "nothing is missing, so no engine starts"  # type: ignore[arg-type]


def test_an_engine_that_leaves_rows_out_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="left 6 of 7 rows without an answer"):
        complete(tmp_path / "finished.jsonl", PROMPTS, lambda missing: iter([next(backwards(missing))]))


def test_a_broken_line_that_is_not_the_last_is_named_and_not_dropped(tmp_path: Path) -> None:
    path = tmp_path / "finished.jsonl"
    path.write_text("{broken\n" + '{"id": "r/0", "text": "", "finished": true, "tokens": 1}\n')
    with pytest.raises(RowError, match="line 1"):
        complete(path, PROMPTS, backwards)


def test_a_half_line_longer_than_a_piece_of_the_file_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "finished.jsonl"
    path.write_bytes(b"whole\n" + b"x" * 200_000)
    drop_half_line(path)
    assert path.read_bytes() == b"whole\n"
