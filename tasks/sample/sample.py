"""Draws the rows of an experiment: merge the corpora, leave out what may not be trained on, sample.

In:  rows.jsonl of every corpus; tokenizers of every backbone of the study; benchmarks to keep apart from
Out: rows.jsonl, the same rows with "tokens" (of the whole SFT row, the longest count over the tokenizers), in an order
     fixed by the seed; overlaps.jsonl where a question is or resembles a benchmark's, for a person to judge:
     {"id", "left_out": true, "reason": "13-gram", "score": 0.93, "benchmark": "math500", "partner": "7"}

Corpora hold millions of rows: only ids are kept of them, and only rows that the draw comes to are tokenised.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks.rows.jsonl import Row, read_rows, row_at, rows_with_place, write_rows
from tasks.rows.sequence_length import SequenceLengths
from tasks.runtime.progress import report
from tasks.runtime.stage import Metrics, stage
from tasks.sample.overlap import BenchmarkQuestions, counted
from tasks.sample.types import TooFewRows

BLOCK = 1000  # rows read and tokenised together


class SampleConfig(BaseModel):
    """Sampling from the merged corpora (section 4.1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int = Field(100_000, ge=1, description="Rows to draw; all that are left where there are fewer.")
    max_tokens: int = Field(
        8192,
        ge=16,
        description="Longest row in tokens, as SFT trains on it, chat template included; longer rows go.",
    )
    seed: int = Field(0, ge=0, description="Seed of the draw.")
    overlap: float | None = Field(
        0.8,
        gt=0,
        le=1,
        description="Share of a benchmark question's 13-grams from which on a row that holds them is left out; rows "
        "that share one are listed. None: only the same question is left out.",
    )


@stage(version=4)
def sample(
    config: SampleConfig,
    out: Path,
    *,
    corpora: dict[str, Path],
    tokenizers: dict[str, Path],
    benchmarks: Path | None = None,
) -> Metrics:
    """Sample `config.rows` rows. The draw does not depend on the order of files or rows, only on ids and the seed."""
    counting = [SequenceLengths(folder) for _, folder in sorted(tokenizers.items())]
    questions = read_rows(benchmarks / "questions.jsonl") if benchmarks else []
    tested = BenchmarkQuestions(questions, config.overlap)
    counts: Counter[str] = Counter()
    overlaps: list[Row] = []
    places: list[tuple[str, str, int]] = []  # rank, corpus, byte at which the row begins
    for done, (name, folder) in enumerate(sorted(corpora.items()), 1):
        for begin, row in rows_with_place(folder / "rows.jsonl", ["id", "question", "solution"]):
            counts[f"read_{name}"] += 1
            overlap = tested.overlap(row["question"])
            if overlap is not None:
                overlaps.append({"id": row["id"], **overlap._asdict()})
            if overlap is None or not overlap.left_out:
                places.append((rank(config.seed, row["id"]), name, begin))
        report(done, len(corpora), "corpora")
    counts.update(counted(overlaps))
    if overlaps:
        write_rows(out / "overlaps.jsonl", overlaps)
    places.sort()
    rows = _fitting(places, corpora, config, counting, counts)
    drawn = write_rows(out / "rows.jsonl", islice(rows, config.rows))
    if not drawn:
        raise TooFewRows(f"no row is left of {sum(counts.values())}: {dict(counts)}")
    return {"rows": drawn, "candidates": len(places), **counts}


def _fitting(
    places: list[tuple[str, str, int]],
    corpora: dict[str, Path],
    config: SampleConfig,
    counting: list[SequenceLengths],
    counts: Counter[str],
) -> Iterator[Row]:
    """The rows in the order of the draw, those left out that are too long; read and tokenised as they are asked for."""
    with ExitStack() as open_files:
        files = {name: open_files.enter_context((corpora[name] / "rows.jsonl").open("rb")) for name in corpora}
        for start in range(0, len(places), BLOCK):
            block = [row_at(files[name], begin) for _, name, begin in places[start : start + BLOCK]]
            lengths = longest(block, counting)
            for row, tokens in zip(block, lengths, strict=True):
                if tokens > config.max_tokens:
                    counts["overlong"] += 1
                else:
                    yield row | {"tokens": tokens}
            report(min(start + BLOCK, config.rows, len(places)), min(config.rows, len(places)), "rows")


def rank(seed: int, row_id: str) -> str:
    """A row's place in the draw: the same whatever other rows there are."""
    return hashlib.sha256(f"{seed}\0{row_id}".encode()).hexdigest()


def longest(rows: list[Row], counting: list[SequenceLengths]) -> list[int]:
    """Tokens of each row as SFT would train on it, the longest over the tokenizers."""
    questions, solutions = [row["question"] for row in rows], [row["solution"] for row in rows]
    return [max(lengths) for lengths in zip(*(one.of(questions, solutions) for one in counting), strict=True)]
