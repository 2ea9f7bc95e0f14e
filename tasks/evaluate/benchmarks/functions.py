"""What the YAML files name with `!function`; lm-eval imports this module by its path.

A row (doc): {"id", "question", "answer", "options", "subset"}, as tasks/evaluate/readers.py makes them.
"""

from pathlib import Path
from typing import Any

from datasets import Dataset

from tasks.evaluate import benchmark
from tasks.evaluate.readers import LETTERS
from tasks.evaluate.score import verdict
from tasks.evaluate.user_turn import boxed, user_turn
from tasks.rows.jsonl import Row, read_rows


def load(name: str, rows: str | None = None, **_: Any) -> dict[str, Dataset]:
    """The rows of a benchmark: from the folder `rows` of the stage, else (lm-eval by hand) from their source."""
    found = read_rows(Path(rows) / f"{name}.jsonl") if rows else benchmark.rows(name)
    return {"test": Dataset.from_list(list(found))}


def prompt(doc: Row) -> str:
    """The user turn of E.4."""
    return user_turn(doc)


def target(doc: Row) -> str:
    """The reference answer; shown in lm-eval's logs, never to the model."""
    return str(doc["answer"])


def results(doc: Row, texts: list[str]) -> dict[str, float]:
    """lm-eval's metric: 1.0 where tasks/verify finds the answer correct."""
    return {"correct": float(verdict(doc, texts[0]).correct)}


def boxed_letters(doc: Row) -> list[str]:
    """What the model's likelihoods are compared of: the letter of each option in a box, as the prompt asks for it."""
    return [boxed(letter) for letter in LETTERS[: len(doc["options"])]]


def right_option(doc: Row) -> int:
    """The place of the right letter among them."""
    return LETTERS.index(doc["answer"])


def likeliest(doc: Row, found: list[tuple[float, bool]]) -> dict[str, float]:
    """lm-eval's metric: 1.0 where the right letter's log-likelihood is the highest; -inf: too long to be asked."""
    scores = [score for score, _ in found]
    best = max(scores)
    return {"correct": float(best > float("-inf") and scores.index(best) == right_option(doc))}
