"""Rows of an artifact become the tokenised dataset that LLaMA-Factory trains on; bad and overlong rows are set aside.

In:  {"id": "numinamath_cot/3f2a91c0", "question": "…", "target": "…"}      (assemble; split: "solution")
Out: {"input_ids": [1, 7, …], "attention_mask": [1, 1, …], "labels": [-100, …, 412, 2]}   as an Arrow dataset
     quarantine.jsonl: {"id": "…", "line": 17, "field": "target", "reason": "is empty"}

LLaMA-Factory is handed token ids (its `tokenized_path`), not text: its own reading of a chat template doubles the BOS
of some tokenizers, and it drops, keeps or cuts bad rows without a word (0.9.5).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.rows.jsonl import NOT_TEXT, Row, is_text, read_lines, write_rows
from tasks.rows.prompts import domain_of, question_prompt
from tasks.rows.tokens import ChatTokens
from tasks.runtime.progress.progress import report

IGNORE = -100
WEIGHT = "weight"  # a column that some methods add: what each token of the row counts in the loss


class TooManyDropped(ValueError):
    """More rows than the configured share are bad or overlong."""


@dataclass
class Counts:
    """What became of the rows, and how many target tokens are trained on."""

    rows: int = 0
    kept: int = 0
    bad: int = 0
    overlong: int = 0
    target_tokens: int = 0


def prepare(rows: Path, tokens: ChatTokens, max_tokens: int, max_dropped_share: float, out: Path) -> Counts:
    """Tokenise `rows` into out/scratch/tokens; what is left out goes to out/quarantine.jsonl with its reason.

    Raises:
        TooManyDropped: more than `max_dropped_share` of the rows are left out, or all of them.
    """
    from datasets import Dataset

    counts = Counts()
    dropped: list[Row] = []
    seen: set[str] = set()
    columns: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "labels": []}
    lines = list(read_lines(rows))
    for number, line in lines:
        counts.rows += 1
        row, fault = _read(line, seen)
        fault = fault or _special_token(row, tokens)
        if fault is None:
            ids, labels = encode(row, tokens)
            if len(ids) > max_tokens:
                fault = ("target", f"overlong: {len(ids)} tokens with its prompt, {max_tokens} allowed")
                counts.overlong += 1
        else:
            counts.bad += 1
        if fault is not None:
            dropped.append({"id": _printable(row.get("id")), "line": number, "field": fault[0], "reason": fault[1]})
            continue
        counts.kept += 1
        counts.target_tokens += sum(label != IGNORE for label in labels)
        columns["input_ids"].append(ids)
        columns["attention_mask"].append([1] * len(ids))
        columns["labels"].append(labels)
        if number % 1000 == 0:
            report(number, len(lines), "rows tokenised")
    write_rows(out / "quarantine.jsonl", dropped)
    left_out = counts.rows - counts.kept
    if counts.kept == 0 or left_out > max_dropped_share * counts.rows:
        first = "; ".join(f"row {d['id'] or 'line ' + str(d['line'])}: {d['field']} {d['reason']}" for d in dropped[:3])
        raise TooManyDropped(
            f"{rows}: {left_out} of {counts.rows} rows cannot be trained on ({counts.bad} bad, {counts.overlong} "
            f"overlong), more than max_dropped_share {max_dropped_share} allows. First: {first}. "
            f"All of them are in {out / 'quarantine.jsonl'}"
        )
    Dataset.from_dict(columns).save_to_disk(str(out / "scratch" / "tokens"))
    return counts


def encode(row: Row, tokens: ChatTokens) -> tuple[list[int], list[int]]:
    """Input ids and labels of one row; the prompt's labels are masked."""
    prompt = tokens.prompt(question_prompt(row["question"], domain_of(row)))
    target = tokens.target(row[_target_field(row)])
    return prompt + target, [IGNORE] * len(prompt) + target


def _special_token(row: Row, tokens: ChatTokens) -> tuple[str, str] | None:
    for name in ("question", _target_field(row)):
        if (found := tokens.special_in(row[name])) is not None:
            return name, f"holds the special token {found}, which would be read as one"
    return None


def _printable(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _target_field(row: Row) -> str:
    return "target" if "target" in row else "solution"


def _read(line: str, seen: set[str]) -> tuple[Row, tuple[str, str] | None]:
    """The row of a line, and what is wrong with it as (field, reason)."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        return {}, ("(whole line)", f"is not JSON: {error.msg}")
    if not isinstance(row, dict):
        return {}, ("(whole line)", "is not a JSON object")
    faults = list(_faults(row, seen))
    if isinstance(row.get("id"), str):
        seen.add(row["id"])
    return row, faults[0] if faults else None


def _faults(row: Row, seen: set[str]) -> Iterator[tuple[str, str]]:
    for name in ("id", "question", _target_field(row)):
        value = row.get(name)
        if value is None:
            yield name, "is missing"
        elif not isinstance(value, str):
            yield name, f"is not text but {type(value).__name__}"
        elif not value.strip():
            yield name, "is empty"
        elif not is_text(value):
            yield name, NOT_TEXT
    if isinstance(row.get("id"), str) and row["id"] in seen:
        yield "id", "appears a second time"
