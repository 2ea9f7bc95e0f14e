"""One model's answers to benchmarks, as they are handed on to other tools (tasks/evaluate/exported.py).

Measured("nano-sft-seed0", {"nano_words": ([rows], [answers])}, started=1795891931.7, seconds=31.2, max_new_tokens=96)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.rows.jsonl import Row


@dataclass(frozen=True)
class Measured:
    """One model's answers: by benchmark its rows and, in the same order, the answers to them."""

    model: str
    benchmarks: Mapping[str, tuple[Sequence[Row], Sequence[Row]]]
    started: float
    seconds: float
    max_new_tokens: int
    limit: int | None = None
    dtype: str = ""
    commit: str = ""
    samples: Mapping[str, tuple[float, Sequence[Row]]] = field(default_factory=dict)  # by benchmark: temperature, rows


def sanitized(model: str) -> str:
    """A model's name as lm-eval makes a folder of it."""
    return re.sub(r"[\"<>:/|\\?*\[\]]+", "__", model)


def paired(rows: Sequence[Row], answers: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Each row with its answer. Raises ValueError where the answers are to other rows, or in another order."""
    if [row["id"] for row in rows] != [answer["id"] for answer in answers]:
        raise ValueError("answers are not to these rows, in this order")
    return list(zip(rows, answers, strict=True))
