"""Questions with solutions, from the rows of the toy world that lie beside the code."""

import gzip
import json
from itertools import islice

from tasks.rows.jsonl import Row
from tasks.runtime.settings import ROOT

NANO = ROOT / "infra" / "nano"
OPENINGS = (
    "",
    "Let us see. ",
    "First things first. ",
    "We go step by step. ",
    "Here is how. ",
    "So. ",
    "Well, ",
    "Now: ",
)


def rows(count: int) -> list[Row]:
    """Expert rows of the toy world: {"id", "question", "solution"}."""
    with gzip.open(NANO / "corpora" / "numinamath_cot.jsonl.gz", "rt", encoding="utf-8") as lines:
        chosen = islice((json.loads(line) for line in lines), count)
        return [{"id": str(i), "question": row["problem"], "solution": row["solution"]} for i, row in enumerate(chosen)]


def groups(questions: int, candidates: int, sentences: int) -> list[tuple[Row, list[str]]]:
    """`candidates` texts for each question: its solution behind other solutions, `sentences` of them.

    Every second one ends in another row's answer, which the gate refuses.
    """
    pool = rows(questions + sentences + 1)
    found = []
    for i, row in enumerate(pool[:questions]):
        filling = " ".join(other["solution"].partition("\n")[0] for other in pool[i + 1 : i + 1 + sentences])
        wrong = pool[i + 1]["solution"]
        texts = [
            f"{OPENINGS[k % len(OPENINGS)]}{filling} {row['solution'] if k % 2 == 0 else wrong}".strip()
            for k in range(candidates)
        ]
        found.append((row, texts))
    return found
