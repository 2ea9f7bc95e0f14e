"""Draws the rows of an experiment: merge the corpora, leave out what may not be trained on, sample.

In:  rows.jsonl of every corpus; tokenizers of every backbone of the study; benchmarks to keep apart from
Out: rows.jsonl, the same rows with "tokens" (of the whole SFT row, the longest count over the tokenizers), in an order
     fixed by the seed; overlaps.jsonl where a question is or resembles a benchmark's, for a person to judge:
     {"id", "left_out": true, "reason": "13-gram", "score": 0.93, "benchmark": "math500", "partner": "7"}
     near_duplicates.jsonl where a row says nearly what an earlier one of the draw says:
     {"id", "left_out": true, "reason": "near duplicate", "score": 0.86, "partner": "numinamath_cot/3f2a…"}

Corpora hold millions of rows: of each its place in the draw is kept (draw.py), and only rows that the draw comes to are
compared with the benchmarks and tokenised; the counts of rows left out are of these.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks.rows.jsonl import Row, read_rows, row_at, write_rows
from tasks.rows.prompts import domain_of
from tasks.rows.sequence_length import SequenceLengths
from tasks.runtime import stopping
from tasks.runtime.progress.progress import report
from tasks.runtime.stage import Metrics, stage
from tasks.sample import near_duplicates
from tasks.sample.draw import Draw
from tasks.sample.near_duplicates import NearDuplicates
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
    near_duplicates: float | None = Field(
        0.9,
        ge=0.5,
        le=1,
        description="Similarity of question and solution, in 5-grams of words, from which on a row is left out after "
        "an earlier one; rows that are half alike are listed. None: none is looked for.",
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
    draw = Draw(corpora, config.seed)
    counts = Counter({f"read_{name}": count for name, count in draw.read.items()})
    overlaps: list[Row] = []
    near: list[Row] = []
    rows = _apart(_fitting(draw, corpora, config, tested, counting, counts, overlaps), config.near_duplicates, near)
    drawn = write_rows(out / "rows.jsonl", islice(rows, config.rows))
    counts.update(counted(overlaps))
    counts.update(near_duplicates.counted(near))
    if not drawn:
        raise TooFewRows(f"no row is left of {len(draw)}: {dict(counts)}")
    if overlaps:
        write_rows(out / "overlaps.jsonl", overlaps)
    if near:
        write_rows(out / "near_duplicates.jsonl", near)
    return {"rows": drawn, "candidates": len(draw), **counts}


def _fitting(
    draw: Draw,
    corpora: dict[str, Path],
    config: SampleConfig,
    tested: BenchmarkQuestions,
    counting: list[SequenceLengths],
    counts: Counter[str],
    overlaps: list[Row],
) -> Iterator[Row]:
    """The rows in the order of the draw, read, compared and tokenised as they are asked for; those that are too long
    are counted and left out, those that ask a benchmark's question are left out and listed in `overlaps`."""
    wanted, came_to = min(config.rows, len(draw)), 0
    with ExitStack() as open_files:
        files = {name: open_files.enter_context((corpora[name] / "rows.jsonl").open("rb")) for name in corpora}
        order = draw.order()
        while places := list(islice(order, BLOCK)):
            stopping.check()
            block = [row_at(files[name], begin, ("id", "question", "solution")) for name, begin in places]
            shared = [tested.overlap(row["question"]) for row in block]
            may = [row for row, overlap in zip(block, shared, strict=True) if not (overlap and overlap.left_out)]
            lengths = iter(longest(may, counting))
            for row, overlap in zip(block, shared, strict=True):
                if overlap is not None:
                    overlaps.append({"id": row["id"], **overlap._asdict()})
                    if overlap.left_out:
                        continue
                if (tokens := next(lengths)) > config.max_tokens:
                    counts["overlong"] += 1
                else:
                    yield row | {"tokens": tokens}
            came_to += len(block)
            report(min(came_to, wanted), wanted, "rows")


def _apart(rows: Iterator[Row], least: float | None, near: list[Row]) -> Iterator[Row]:
    """The rows without those that an earlier one says nearly as well; those that are alike are listed in `near`."""
    if least is None:
        yield from rows
        return
    earlier = NearDuplicates(least)
    for row in rows:
        found = earlier.near(row)
        if found is not None:
            near.append({"id": row["id"], "left_out": found.left_out, "reason": "near duplicate"} | found._asdict())
        if found is None or not found.left_out:
            yield row


def longest(rows: list[Row], counting: list[SequenceLengths]) -> list[int]:
    """Tokens of each row as SFT would train on it, the longest over the tokenizers."""
    questions, solutions = [row["question"] for row in rows], [row["solution"] for row in rows]
    domains = [domain_of(row) for row in rows]
    return [max(lengths) for lengths in zip(*(one.of(questions, solutions, domains) for one in counting), strict=True)]
