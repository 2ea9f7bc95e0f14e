"""Blocks are dealt to whoever asks, each is scored once, and a killed process loses no more than its own."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.score.dealing import lay_out, score_blocks, scored


def _score(folder: Path, seconds: float) -> None:
    def score(rows: list[Row]) -> Iterable[Row]:
        time.sleep(seconds)
        with (folder / "said").open("a") as said:
            said.write(f"{rows[0]['id']} {os.getpid()}\n")
        return [{"id": row["id"], "nll": 1.0, "tokens": 2} for row in rows]

    score_blocks(folder, score)


def _start(folder: Path, seconds: float) -> "multiprocessing.process.BaseProcess":
    process = multiprocessing.get_context("spawn").Process(target=_score, args=(folder, seconds))
    process.start()
    return process


def test_blocks_go_to_whoever_is_free_and_each_is_scored_once(tmp_path: Path) -> None:
    assert lay_out(tmp_path, ({"id": number} for number in range(95)), block=10) == 95
    slow, quick = _start(tmp_path, 0.6), _start(tmp_path, 0.02)
    for process in (slow, quick):
        process.join(60)
        assert process.exitcode == 0
    assert [row["id"] for row in scored(tmp_path)] == list(range(95))
    said = [line.split() for line in (tmp_path / "said").read_text().splitlines()]
    assert sorted(int(first) for first, _ in said) == list(range(0, 95, 10))
    assert sum(int(pid) == quick.pid for _, pid in said) > sum(int(pid) == slow.pid for _, pid in said)


def test_what_a_killed_process_had_begun_goes_to_another(tmp_path: Path) -> None:
    lay_out(tmp_path, ({"id": number} for number in range(40)), block=10)
    write_rows(tmp_path / "000001.jsonl", [{"id": number, "nll": 9.0, "tokens": 2} for number in range(10, 20)])
    doomed = _start(tmp_path, 30)
    deadline = time.monotonic() + 30
    while not (tmp_path / "000000.claim").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    assert doomed.pid is not None
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.join(10)
    _score(tmp_path, 0)
    found = {row["id"]: row["nll"] for row in scored(tmp_path)}
    assert found == {number: 9.0 if 10 <= number < 20 else 1.0 for number in range(40)}  # the done block stayed
    assert len(list(read_rows(tmp_path / "000000.jsonl"))) == 10
