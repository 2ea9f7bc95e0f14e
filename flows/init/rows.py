"""What of a file the corpus stage would take: how many rows, how many can be verified, how long they are.

In:  exam.jsonl, verifier multiple_choice, the folder of a tokenizer
Out: Found(read=90, rows=88, verifiable=85, duplicates=2, bad=0, cut=False, lengths=Lengths(181, 264, 57))
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tasks.corpus.block import Reading, imported
from tasks.corpus.digests import Digests
from tasks.rows.jsonl import Row
from tasks.rows.prompts import GENERAL, MATH, rewriting_prompt
from tasks.rows.reader.files import raw_rows, row_files
from tasks.rows.sequence_length import ChatTemplateError, SequenceLengths
from tasks.verify.verifiers.options import VerifierOptions
from tasks.verify.verifiers.registry import MATH as MATH_VERIFIER

MOST = 20_000  # rows that are looked at; of a longer file the first
MEASURED = 1_000  # rows whose tokens are counted
BLOCK = 500
WITHIN = 0.99  # share of the rows that the lengths leave room for


@dataclass(frozen=True)
class Lengths:
    """Tokens within which 99 % of the rows lie: of the whole row, of its rewriting prompt, of its solution."""

    row: int
    prompt: int
    target: int


@dataclass
class Found:
    """Counts of the rows that were looked at; `cut`: the file holds more."""

    read: int = 0
    rows: int = 0
    verifiable: int = 0
    duplicates: int = 0
    bad: int = 0
    cut: bool = False
    why_not: Counter[str] = field(default_factory=Counter)
    lengths: Lengths | None = None


def look(
    location: Path,
    verifier: str,
    options: VerifierOptions,
    mapping: dict[str, str],
    encoding: str | None,
    tokenizer: Path | None,
) -> Found:
    """Read the file as the corpus stage will, up to `MOST` rows."""
    domain = None if verifier == MATH_VERIFIER else GENERAL
    reading = Reading("mine", "auto", mapping, False, domain, verifier, options)
    found, known, kept = Found(), Digests(), list[Row]()
    rows = (raw for path in row_files(location) for raw in raw_rows(path, encoding=encoding))
    while found.read < MOST and (block := list(islice(rows, min(BLOCK, MOST - found.read)))):
        part = imported(reading, block)
        found.read, found.bad = found.read + len(block), found.bad + len(part.bad)
        for new, line, can in zip(known.new(part.digests), part.lines, part.verifiable, strict=True):
            found.duplicates += not new
            if not new:
                continue
            row = json.loads(line)
            found.rows, found.verifiable = found.rows + 1, found.verifiable + can
            if not can:
                found.why_not[row["why_not"]] += 1
            if len(kept) < MEASURED:
                kept.append(row)
    found.cut = next(rows, None) is not None
    if tokenizer is not None and kept:
        found.lengths = measured(tokenizer, kept, domain or MATH)
    return found


def measured(tokenizer: Path, rows: list[Row], domain: str) -> Lengths | None:
    """The rows' lengths in a model's tokens; None where its folder lacks what is read without transformers."""
    try:
        counting = SequenceLengths(tokenizer)
        whole = counting.of([row["question"] for row in rows], [row["solution"] for row in rows], [domain] * len(rows))
        prompts = counting.prompts([rewriting_prompt(row["question"], row["solution"], domain) for row in rows])
    except (FileNotFoundError, ChatTemplateError):
        return None
    targets = counting.texts([row["solution"] for row in rows])
    return Lengths(*(sorted(one)[int(WITHIN * (len(one) - 1))] for one in (whole, prompts, targets)))
