"""Replay: general rows mixed into a method's targets, with their own answers or with pi_0's.

In:  dataset   rows.jsonl of assemble
     general   rows.jsonl of a draw of general rows: {"id", "question", "solution", "domain"}
     answers   rewrites.jsonl of pi_0 to their questions, and verdicts of a gate on them; both may be left out
Out: rows.jsonl: the dataset's rows, then {"id": "general/3f2a…", "question": "…", "domain": "general/1", "target": "…",
     "kind": "replay" | "own_answer", "verdict": {…} | null, "fallback_reason": null}

SFT shuffles its rows: their order here is no order of training.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks.rows.jsonl import Row, RowError, read_rows, write_rows
from tasks.runtime.stage import Metrics, stage


class MixConfig(BaseModel):
    """How many general rows are mixed in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int = Field(ge=1, description="General rows wanted; all that there are where there are fewer.")


@stage(version=1)
def mix(
    config: MixConfig,
    out: Path,
    *,
    dataset: Path,
    general: Path,
    answers: dict[str, Path] | None = None,
    verdicts: dict[str, Path] | None = None,
) -> Metrics:
    """Put the first `config.rows` of the general rows that have an answer behind the dataset's.

    Returns:
        rows, replayed (how many of them are general), wanted.

    Raises:
        RowError: an answer belongs to no row, or has no verdict though verdicts are given, or an id is in both.
        ValueError: no general row is left.
    """
    rows = list(read_rows(dataset / "rows.jsonl", ["id", "question"]))
    known = {row["id"] for row in rows}
    replayed = list(islice(_replayed(general, answers, verdicts), config.rows))
    if twice := next((row["id"] for row in replayed if row["id"] in known), None):
        raise RowError(general / "rows.jsonl", f"row {twice}", "id", "is in the dataset too: give replay another name")
    if not replayed:
        raise ValueError(f"{general}: of its rows pi_0 has no answer that ended and passed replay.gate")
    write_rows(out / "rows.jsonl", [*rows, *replayed])
    return {"rows": len(rows) + len(replayed), "replayed": len(replayed), "wanted": config.rows}


def _replayed(general: Path, answers: Mapping[str, Path] | None, verdicts: Mapping[str, Path] | None) -> Iterator[Row]:
    """General rows as rows of a dataset; with answers only those that ended and, where there are verdicts, passed."""
    texts = None if answers is None else _by_id(answers, "rewrites.jsonl", ["id", "text", "finished"])
    judged = None if verdicts is None else _by_id(verdicts, "verdicts.jsonl", ["id", "passed"])
    for row in read_rows(general / "rows.jsonl", ["id", "question", "solution"]):
        of = {name: row[name] for name in ("id", "question", "domain") if name in row}
        chosen: Row = {"target": row["solution"], "kind": "replay", "verdict": None}
        if texts is not None:
            if row["id"] not in texts or not texts[row["id"]]["finished"]:
                continue  # cut off, or set aside since its prompt is too long
            if judged is not None and row["id"] not in judged:
                raise RowError("verdicts.jsonl", f"row {row['id']}", "id", "no verdict for this row's answer")
            verdict = None if judged is None else judged[row["id"]]
            if verdict is not None and verdict["passed"] is not True:
                continue
            chosen = {"target": texts[row["id"]]["text"], "kind": "own_answer", "verdict": verdict}
        yield of | chosen | {"fallback_reason": None}


def _by_id(folders: Mapping[str, Path], name: str, fields: list[str]) -> dict[str, Row]:
    return {row["id"]: row for folder in folders.values() for row in read_rows(folder / name, fields)}
