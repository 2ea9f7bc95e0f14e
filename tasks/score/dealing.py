"""Blocks of rows are dealt to scoring processes as they ask for them, and a killed attempt's are not scored again.

    scratch/blocks-512/000003.targets.jsonl   {"id", "question", "text", "finished"}: what is to be scored
    scratch/blocks-512/000003.claim           locked by the process that scores it; a dead one's lock is gone
    scratch/blocks-512/000003.jsonl           {"id", "nll", "tokens"}: done

Whoever has a GPU free takes the next block, so none waits for a share that was dealt before. A block is scored by
itself: its values do not depend on who else is at work.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from pathlib import Path

from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.runtime.progress import report
from tasks.runtime.whole_file import write_json

WORKER = "SCORE_WORKER"  # environment variable: this process scores blocks that another one laid out


def lay_out(folder: Path, rows: Iterable[Row], block: int) -> int:
    """Write `rows` in blocks below `folder`, one block in memory; how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    source, total = iter(rows), 0
    for number in count():
        if not (part := list(islice(source, block))):
            break
        write_rows(folder / f"{number:06d}.targets.jsonl", part)
        total += len(part)
    write_json(folder / "laid_out.json", total)
    return total


def score_blocks(folder: Path, score: Callable[[list[Row]], Iterable[Row]]) -> None:
    """Score every block that nobody else has or had."""
    for targets in _targets(folder):
        done = _done(targets)
        with _claim(targets) as claimed:
            if claimed and not done.exists():
                write_rows(done, score(list(read_rows(targets))))
        _tell(folder)


def start_workers(processes: int, gpus: list[str], folder: Path) -> None:
    """Score in so many processes of this module's caller, each with one of `gpus` where there are any.

    Raises:
        SystemExit: one of them failed; the others are ended.
    """
    command = [sys.executable, "-u", "-m", "tasks.score.engine", sys.argv[1]]
    running = []
    for number in range(processes):
        own = {"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} if gpus else {}
        running.append(subprocess.Popen(command, env=os.environ | {WORKER: str(number)} | own))
    try:
        while (statuses := [worker.poll() for worker in running]).count(0) < len(running):
            if failed := [status for status in statuses if status]:
                sys.exit(f"a scoring process ended with {failed[0]}: its output is above")
            time.sleep(0.2)
    finally:
        for worker in running:
            worker.kill()
            worker.wait()
    _tell(folder)


def scored(folder: Path) -> Iterator[Row]:
    """The scores of all blocks, in the order of their rows."""
    for targets in _targets(folder):
        yield from read_rows(_done(targets))


def _targets(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.targets.jsonl"))


def _done(targets: Path) -> Path:
    return targets.with_name(targets.name.replace(".targets", ""))


class _claim:
    """Whether this process has a block to itself while it is entered."""

    def __init__(self, targets: Path) -> None:
        self.path = targets.with_name(targets.name.replace(".targets.jsonl", ".claim"))

    def __enter__(self) -> bool:
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


def _tell(folder: Path) -> None:
    """How many rows are scored, by whole blocks of about equal sizes."""
    total = json.loads((folder / "laid_out.json").read_text(encoding="utf-8"))
    blocks = _targets(folder)
    done = sum(_done(block).exists() for block in blocks)
    report(total * done // max(1, len(blocks)), total)
