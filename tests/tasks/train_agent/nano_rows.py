"""Rows of nano's corpus for tests of the agent's training."""

import gzip
import json
from itertools import islice
from pathlib import Path

NANO = Path(__file__).resolve().parents[3] / "infra" / "nano"


def nano_rows(count, start=0):
    """Expert rows {"id", "question", "solution", "answer"} of the nano world."""
    with gzip.open(NANO / "corpora" / "numinamath_cot.jsonl.gz", "rt", encoding="utf-8") as lines:
        chosen = islice((json.loads(line) for line in lines), start, start + count)
        return [
            {"id": f"numinamath_cot/{start + i}", "question": r["problem"], "solution": r["solution"], "answer": None}
            for i, r in enumerate(chosen)
        ]
