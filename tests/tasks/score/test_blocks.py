"""Blocks are scored once each, whatever an attempt before left."""

from pathlib import Path

from tasks.rows.jsonl import read_rows, write_rows
from tasks.score.blocks import lay_out, score_block, score_blocks, scored


def test_a_block_that_an_attempt_before_has_scored_is_not_scored_again(tmp_path: Path) -> None:
    assert lay_out(tmp_path, ({"id": number} for number in range(35)), block=10) == 35
    write_rows(tmp_path / "000001.jsonl", [{"id": number, "nll": 9.0, "tokens": 2} for number in range(10, 20)])
    said: list[int] = []

    def score(targets: Path) -> None:
        score_block(targets, lambda rows: ({"id": row["id"], "nll": 1.0, "tokens": 2} for row in rows))
        said.append(next(iter(read_rows(targets)))["id"])

    score_blocks(tmp_path, score)
    found = {row["id"]: row["nll"] for row in scored(tmp_path)}
    assert found == {number: 9.0 if 10 <= number < 20 else 1.0 for number in range(35)}
    assert said == [0, 20, 30]
