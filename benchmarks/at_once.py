"""Core stages beside each other in threads of one process, as a flow runs them: rows a second of 1, 2 and 4 at once.

at_once/verify/2    rows a second by the clock, beside one alone; its limit is the cores' number
at_once/verify/2/cores     µs of a core a row, beside one alone: what waiting for each other's interpreter lock costs

verify: shards of 1,000 solutions (nine in ten plain answers, the others expressions; a third wrong), the arithmetic
judge; REWRITING_AGENT_DATA has them. sample: 500 of 5,000 made-up rows, as two studies would draw side by side. All
are warm: each count ran once before, so that imports and parsers' tables are there; each stage starts its own children.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._alone import cores_used
from benchmarks._beside import tell
from benchmarks._made_up_corpus import written
from benchmarks.sample import TOKENIZER
from benchmarks.verify import _PLAIN, hard_candidate, plain_candidate, solutions, with_answer
from tasks.rows.jsonl import write_rows
from tasks.runtime.progress.progress import handled_by

COUNTS = (1, 2, 4)
TURNS = 2
SHARD, DRAWN = 1000, 500  # rows

Stage = Callable[[Path], Any]  # builds into a folder


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if data := os.environ.get("REWRITING_AGENT_DATA"):
            measure("verify", SHARD, verifying(folder, Path(data)), folder)
        else:
            print("at_once/verify: left out; name the folder of real corpora (REWRITING_AGENT_DATA)", file=sys.stderr)
        measure("sample", DRAWN, sampling(folder), folder)


def measure(name: str, rows: int, stage: Stage, folder: Path) -> None:
    """Rows a second and µs of a core a row of so many at once, by turns."""
    for count in COUNTS:
        at_once(stage, count, folder)
    rates: dict[int, list[float]] = {count: [] for count in COUNTS}
    costs: dict[int, list[float]] = {count: [] for count in COUNTS}
    for _ in range(TURNS):
        for count in COUNTS:
            seconds, cores = at_once(stage, count, folder)
            rates[count].append(count * rows / seconds)
            costs[count].append(1e6 * cores / (count * rows))
    for count in COUNTS[1:]:
        tell(f"at_once/{name}/{count}", "rows/s", "one at a time", rates[count], rates[1], cores=os.cpu_count())
        cost = f"at_once/{name}/{count}/cores"
        tell(cost, "µs of a core a row", "one at a time", costs[count], costs[1], better="lower")


def at_once(stage: Stage, count: int, folder: Path) -> tuple[float, float]:
    """Seconds and seconds of cores of `count` stages in as many threads, each into a folder of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as out, ThreadPoolExecutor(count) as threads:
        began, used = time.perf_counter(), cores_used()
        list(threads.map(lambda number: quietly(stage, Path(out) / str(number)), range(count)))
        return time.perf_counter() - began, cores_used() - used


def quietly(stage: Stage, out: Path) -> None:
    out.mkdir()
    with handled_by(lambda _: None):
        stage(out)


def sampling(folder: Path) -> Stage:
    from tasks.corpus.corpus import CorpusConfig, corpus
    from tasks.sample.sample import SampleConfig, sample

    written(folder / "raw", 10 * DRAWN)
    config = CorpusConfig(name="made_up", format="numinamath_cot", path=str(folder / "raw"))
    quietly(partial(corpus.plain, config), folder / "corpus")
    config_of_sample = SampleConfig(rows=DRAWN, max_tokens=2048)
    of: dict[str, Any] = {"corpora": {"made_up": folder / "corpus"}, "tokenizers": {"nano": TOKENIZER}}
    return partial(sample.plain, config_of_sample, **of)


def verifying(folder: Path, data: Path) -> Stage:
    from tasks.verify.gate import GateConfig
    from tasks.verify.judges.config import JudgeConfig
    from tasks.verify.stage import verify

    draw = random.Random(17)
    pool = list(solutions(data))
    strata = [
        [one for one in pool if _PLAIN.fullmatch(one[0])],
        [one for one in pool if not _PLAIN.fullmatch(one[0]) and len(one[0]) <= 200],
    ]
    rows, rewrites = [], []
    for number in range(SHARD):
        hard = draw.random() < 0.1
        gold, solution = draw.choice(strata[hard])
        text = with_answer(solution, (hard_candidate if hard else plain_candidate)(gold, draw))
        rows.append({"id": str(number), "question": "", "solution": solution, "answer": gold})
        rewrites.append({"id": str(number), "text": text, "finished": True})
    for name, lines in (("rows", rows), ("rewrites", rewrites)):
        (folder / name).mkdir()
        write_rows(folder / name / f"{name}.jsonl", lines)
    gate = GateConfig(judge=JudgeConfig(kind="arithmetic", require_step=False, allow_unfit=True))
    return partial(verify.plain, gate, rows=folder / "rows", rewrites=folder / "rewrites")


if __name__ == "__main__":
    main()
