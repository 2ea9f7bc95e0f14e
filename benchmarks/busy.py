"""The share of an engine's slots that are busy, over the paths that are run: the real queue, an engine that is a clock.

    {"name": "evaluate, 256 slots", "value": 0.93, "unit": "share of slots busy", "bound": 1.0,
     "baseline": {"name": "a queue a set", "value": 0.67}, "ratio": 1.4, "n": 3}

256 and 1,024 sequences at once, where benchmarks/sampling.py has 32 in a real engine; every sequence takes a token a
step, and a row that waits has the first slot that is free, as it was seen there. Lengths are drawn: 400 tokens on
average (geometric), one row in a hundred at the cap. `bound`: no order of the rows does better, for the longest row
takes its steps whenever it begins, and the tokens take theirs.

Rewriting: a shard of 12,500 rows. By id, and longest prompt first, where the length of a prompt (it holds the expert's
solution) has the rank correlation with its rewrite's that Llama-2-7B-chat's published rewrites of Alpaca have: 0.73.
Rows that run to the cap do so whatever their prompt is.
"""

import heapq
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks._beside import tell
from tasks.generation import queue
from tasks.generation.asked import Asked
from tasks.generation.vllm_sampling import Completion, Decoding, Prompt
from tasks.runtime.progress.progress import handled_by

SLOTS, REPEATS = (256, 1024), 3
DOWNSTREAM = {"amc23": 40, "agieval_math": 1943, "imo_answerbench": 400, "math500": 500, "minerva_math": 272}
GENERAL = {"mmlu": 12978, "mmlu_pro": 10681, "agieval": 6325}  # rows of the benchmarks
SAMPLES = 16  # answers to a downstream question, for pass@k
SHARD, CORRELATION = 12_500, 0.73
MEAN, CAP, REWRITE_CAP, RUNAWAYS = 400, 4096, 8192, 0.01

Sets = dict[str, dict[str, tuple[int, int]]]  # by set and row id: tokens of the prompt, of the answer


def main() -> None:
    with tempfile.TemporaryDirectory() as name, handled_by(lambda _: None):
        for slots in SLOTS:
            for path, (sets, first) in PATHS.items():
                folders = {seed: Path(name) / f"{path} {slots} {seed}" for seed in range(REPEATS)}
                runs = [
                    shares(folder, sets(np.random.default_rng(one)), slots, first) for one, folder in folders.items()
                ]
                now, before, bound = zip(*runs, strict=True)
                baseline, more = "by id" if first else "a queue a set", {"bound": median(bound)}
                tell(f"{path}, {slots} slots", "share of slots busy", baseline, now, before, **more)


def shares(folder: Path, sets: Sets, slots: int, longest_first: bool) -> tuple[float, float, float]:
    """Of one queue, of a queue for each set one after the other by id, and the bound."""
    tokens = [row[1] for rows in sets.values() for row in rows.values()]
    together = steps(folder / "now", sets, slots, longest_first)
    alone = sum(steps(folder / "before", {name: rows}, slots, False) for name, rows in sets.items())
    least = max(sum(tokens) / slots, max(tokens))
    now, before, bound = (sum(tokens) / (taken * slots) for taken in (together, alone, least))
    return now, before, bound


def steps(folder: Path, sets: Sets, slots: int, longest_first: bool) -> float:
    """Steps that an engine of so many slots takes from the first row to the last, with all sets in one queue."""
    asked = {}
    for name, rows in sets.items():
        prompts = {row_id: range(row[0]) for row_id, row in rows.items()}
        asked[name] = Asked(folder / name, Decoding(CAP), list(rows), prompts, longest_first)
    ended = [0.0]

    def clock(missing: Mapping[queue.Key, Prompt]) -> Iterator[tuple[queue.Key, Completion]]:
        """Each row as it ends."""
        under_way: list[tuple[float, queue.Key]] = []
        for key in missing:
            if len(under_way) == slots:
                ended[0], over = heapq.heappop(under_way)
                yield over, Completion("", True, sets[over[0]][over[1]][1])
            heapq.heappush(under_way, (ended[0] + sets[key[0]][key[1]][1], key))
        while under_way:
            ended[0], over = heapq.heappop(under_way)
            yield over, Completion("", True, sets[over[0]][over[1]][1])

    queue.complete(asked, clock)
    return ended[0]


def evaluate(counts: Mapping[str, int], samples: int = 0) -> Callable[[np.random.Generator], Sets]:
    """Benchmarks of so many rows, downstream questions with samples beside."""

    def drawn(draw: np.random.Generator) -> Sets:
        sets = {name: _rows(name, lengths(draw, rows, CAP)) for name, rows in counts.items()}
        if samples:
            more = {name: lengths(draw, rows * samples, CAP) for name, rows in DOWNSTREAM.items()}
            sets |= {f"samples of {name}": _rows(name, tokens) for name, tokens in more.items()}
        return sets

    return drawn


def rewrite(runaways: float) -> Callable[[np.random.Generator], Sets]:
    """A shard whose rewrites are about as long as their prompts let expect."""

    def drawn(draw: np.random.Generator) -> Sets:
        of_answer = draw.standard_normal(SHARD)
        pearson = 2 * np.sin(np.pi / 6 * CORRELATION)  # of normals with that rank correlation
        of_prompt = pearson * of_answer + np.sqrt(1 - pearson**2) * draw.standard_normal(SHARD)
        tokens = np.sort(np.minimum(draw.geometric(1 / MEAN, SHARD), REWRITE_CAP))[of_answer.argsort().argsort()]
        tokens[draw.permutation(SHARD)[: int(SHARD * runaways)]] = REWRITE_CAP
        return {"rewrites": _rows("r", tokens, 100 + of_prompt.argsort().argsort())}

    return drawn


def lengths(draw: np.random.Generator, rows: int, cap: int) -> np.ndarray:
    """Tokens of each answer."""
    drawn = np.minimum(draw.geometric(1 / MEAN, rows), cap)
    drawn[draw.permutation(rows)[: max(1, int(rows * RUNAWAYS))]] = cap
    return drawn


def _rows(name: str, tokens: np.ndarray, prompts: np.ndarray | None = None) -> dict[str, tuple[int, int]]:
    of_prompt = [1] * len(tokens) if prompts is None else prompts.tolist()
    return {f"{name}/{at:06}": both for at, both in enumerate(zip(of_prompt, tokens.tolist(), strict=True))}


PATHS: dict[str, tuple[Callable[[np.random.Generator], Sets], bool]] = {
    "evaluate": (evaluate(DOWNSTREAM | GENERAL), False),
    "evaluate, downstream alone": (evaluate(DOWNSTREAM), False),
    f"evaluate, downstream alone with {SAMPLES} samples": (evaluate(DOWNSTREAM, SAMPLES), False),
    "rewrite, nothing runs to the cap": (rewrite(0), True),
    "rewrite": (rewrite(RUNAWAYS), True),
}

if __name__ == "__main__":
    main()
