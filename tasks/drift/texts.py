"""The texts on which two models are compared, chosen alike for every model.

In:  passages {"id": "code/3", "domain": "code", "text": "def merge(…"}; a benchmark's rows; pi_0's answers to them
Out: {"id": "code/3", "thermometer": "general text: code", "prompt": null, "text": "def merge(…", "finished": false}
     {"id": "mmlu/7", "thermometer": "own answers: mmlu", "prompt": "You are …", "text": "…", "finished": true}
     {"id": "mmlu/7", "thermometer": "choices: mmlu", "prompt": "…", "options": ["A", "B", "C", "D"], "answer": "B"}
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tasks.evaluate.readers import LETTERS
from tasks.evaluate.user_turn import user_turn
from tasks.rows.jsonl import Row, read_rows

GENERAL, OWN, CHOICES = "general text", "own answers", "choices"


def passages(path: Path) -> Iterator[Row]:
    """General text, whole."""
    for row in read_rows(path, ["id", "domain", "text"]):
        yield {
            "id": row["id"],
            "thermometer": f"{GENERAL}: {row['domain']}",
            "prompt": None,
            "text": row["text"],
            "finished": False,
        }


def own_answers(name: str, rows: Iterable[Row], answers: Mapping[str, Row], count: int) -> Iterator[Row]:
    """pi_0's own greedy answers to a benchmark's questions, those that it ended itself."""
    ended = [row for row in rows if answers.get(row["id"], {}).get("finished")]
    for row in first_by_hash(ended, count):
        yield {
            "id": row["id"],
            "thermometer": f"{OWN}: {name}",
            "prompt": user_turn(row),
            "text": answers[row["id"]]["text"],
            "finished": True,
        }


def choices(name: str, rows: Iterable[Row], count: int) -> Iterator[Row]:
    """Questions with one right letter among options."""
    fitting = [row for row in rows if 2 <= len(row["options"]) <= len(LETTERS) and len(row["answer"]) == 1]
    for row in first_by_hash(fitting, count):
        letters = list(LETTERS[: len(row["options"])])
        if row["answer"] in letters:
            yield {
                "id": row["id"],
                "thermometer": f"{CHOICES}: {name}",
                "prompt": user_turn(row),
                "options": letters,
                "answer": row["answer"],
            }


def first_by_hash(rows: Iterable[Row], count: int) -> list[Row]:
    """`count` rows whose ids have the smallest hashes: the same for every model, from everywhere in the file."""
    return sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).digest())[:count]
