"""What is scored lies in blocks, each scored by itself: a killed attempt's are not scored again.

    scratch/blocks-512/000003.targets.jsonl   {"id", "question", "text", "finished"}: what is to be scored
    scratch/blocks-512/000003.jsonl           {"id", "nll", "tokens"}: done

A block's values do not depend on which process scores it, nor on who else is at work.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from pathlib import Path

from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.runtime.engines.dealing import Workers, answered
from tasks.runtime.files.whole_file import write_json
from tasks.runtime.progress.progress import report


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


def score_blocks(folder: Path, score: Callable[[Path], object], workers: Workers | None = None) -> None:
    """Score every block that has no scores by a function of its targets' file, in workers where there are any."""
    missing = [targets for targets in _targets(folder) if not _done(targets).exists()]
    _tell(folder)
    for _ in answered(([(targets, targets)] for targets in missing), score, workers):
        _tell(folder)
    if workers is not None:
        workers.close()


def score_block(targets: Path, score: Callable[[list[Row]], Iterable[Row]]) -> None:
    """Write the scores of one block beside its targets."""
    write_rows(_done(targets), score(list(read_rows(targets))))


def scored(folder: Path) -> Iterator[Row]:
    """The scores of all blocks, in the order of their rows."""
    for targets in _targets(folder):
        yield from read_rows(_done(targets))


def _targets(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.targets.jsonl"))


def _done(targets: Path) -> Path:
    return targets.with_name(targets.name.replace(".targets", ""))


def _tell(folder: Path) -> None:
    """How many rows are scored, by whole blocks of about equal sizes."""
    total = json.loads((folder / "laid_out.json").read_text(encoding="utf-8"))
    blocks = _targets(folder)
    done = sum(_done(block).exists() for block in blocks)
    report(total * done // max(1, len(blocks)), total)
