"""Draws the rows of an experiment: merge the corpora, leave out what may not be trained on, sample.

In:  rows.jsonl of every corpus; tokenizers of every backbone of the study; benchmarks to keep apart from
Out: rows.jsonl, the same rows with "tokens" (the longest count over the tokenizers), in an order fixed by the seed
"""

import hashlib
import re
from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Tokenizer

from tasks.jsonl import Row, read_rows, write_rows
from tasks.progress import report
from tasks.stage import Metrics, stage

# Shorter questions ("What is 1 + 1?") meet by chance; longer ones are the same problem.
SHORTEST_COMPARED = 20
_KEPT = re.compile(r"[^a-z0-9]+")


class SampleConfig(BaseModel):
    """Sampling from the merged corpora (section 4.1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int = Field(100_000, ge=1, description="Rows to draw; all that are left where there are fewer.")
    max_tokens: int = Field(
        8192, ge=16, description="Longest question and solution together, in tokens; longer rows go."
    )
    seed: int = Field(0, ge=0, description="Seed of the draw.")


class TooFewRows(ValueError):
    """Less is left than the experiment asks for."""


@stage(version=1)
def sample(
    config: SampleConfig,
    out: Path,
    *,
    corpora: dict[str, Path],
    tokenizers: dict[str, Path],
    benchmarks: Path | None = None,
) -> Metrics:
    """Sample `config.rows` rows. The draw does not depend on the order of files or rows, only on ids and the seed."""
    counting = [Tokenizer.from_file(str(folder / "tokenizer.json")) for _, folder in sorted(tokenizers.items())]
    questions = read_rows(benchmarks / "questions.jsonl") if benchmarks else []
    tested = {normalised(row["question"]) for row in questions}
    counts: Counter[str] = Counter()
    kept: list[tuple[str, Row]] = []
    for done, (name, folder) in enumerate(sorted(corpora.items()), 1):
        rows = list(read_rows(folder / "rows.jsonl", ["id", "question", "solution"]))
        counts[f"read_{name}"] = len(rows)
        lengths = longest([f"{row['question']}\n{row['solution']}" for row in rows], counting)
        for row, tokens in zip(rows, lengths, strict=True):
            text = normalised(row["question"])
            if len(text) > SHORTEST_COMPARED and text in tested:
                counts["in_a_benchmark"] += 1
            elif tokens > config.max_tokens:
                counts["overlong"] += 1
            else:
                kept.append((rank(config.seed, row["id"]), row | {"tokens": tokens}))
        report(done, len(corpora), "corpora")
    kept.sort(key=lambda pair: pair[0])
    drawn = [row for _, row in kept[: config.rows]]
    if not drawn:
        raise TooFewRows(f"no row is left of {sum(counts.values())}: {dict(counts)}")
    write_rows(out / "rows.jsonl", drawn)
    return {"rows": len(drawn), "available": len(kept), **counts}


def rank(seed: int, row_id: str) -> str:
    """A row's place in the draw: the same whatever other rows there are."""
    return hashlib.sha256(f"{seed}\0{row_id}".encode()).hexdigest()


def longest(texts: list[str], tokenizers: list[Tokenizer]) -> list[int]:
    """Token counts, for each text the longest over the tokenizers."""
    lengths = [0] * len(texts)
    for tokenizer in tokenizers:
        for start in range(0, len(texts), 1000):
            for index, encoding in enumerate(tokenizer.encode_batch_fast(texts[start : start + 1000]), start):
                lengths[index] = max(lengths[index], len(encoding.ids))
    return lengths


def normalised(question: str) -> str:
    """A question for comparison across data sets: its letters and digits alone, in lower case."""
    return _KEPT.sub("", question.lower())
