"""How long the solutions are that an experiment draws, before a model has counted them.

In:  rows of at most 8,192 tokens of NuminaMath-CoT (859,494 solutions of 425 tokens at the mean) and OpenMathReasoning
     (3,201,061 of 7,400)
Out: Drawn: 3,431 tokens a solution; of every hundred rows 32 have a rewriting prompt of at most 2,048 tokens

A corpus' lengths are taken for lognormal: of a thousand solutions of NuminaMath-CoT 95 % are within 1,024 tokens by
that, and 97 as counted, of 372 at the mean and 394.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from math import inf, log
from pathlib import Path
from statistics import NormalDist, fmean, pstdev

from flows.plan.file_rows import files_of, rows_of_file
from flows.plan.table import on_the_hub, table
from tasks.corpus.corpus import CorpusConfig
from tasks.corpus.formats import READERS, Format, kept_columns
from tasks.rows.reader.bad_row import BadRow, UnreadableFile
from tasks.rows.reader.files import raw_rows

LOOKED_AT = 500  # rows of a file
# Characters a token: SmolLM2 has 2.60 and Qwen2.5 2.74 in a thousand solutions of NuminaMath-CoT; about four in prose.
PER_TOKEN = {"math": 2.7, "general": 4.0}
# Tokens beside a solution, at the mean: NuminaMath-CoT's questions have 247 characters; the chat template and, in the
# agent's prompt, the rewriting template come on top.
BESIDE, BESIDE_REWRITING = 150, 250
# What an instruction-tuned model writes itself, at most: its chain of thought, however long the expert's is.
OWN = 400
USUAL = "AI-MO/NuminaMath-CoT"


@dataclass(frozen=True)
class Solutions:
    """A corpus' solutions: how many, tokens at the mean, the standard deviation of their logarithms."""

    rows: int
    tokens: float
    spread: float

    def within(self, most: float) -> tuple[float, float]:
        """The share of those of at most so many tokens, and their mean."""
        if most <= 0:
            return 0.0, 0.0
        at = (log(most) - log(self.tokens) + self.spread**2 / 2) / self.spread if most < inf else inf
        share = _below(at)
        # Where next to none is as short: all of those are about as long as the longest.
        return (share, self.tokens * _below(at - self.spread) / share) if share > 1e-6 else (0.0, most)


@dataclass(frozen=True)
class Drawn:
    """What a sample draws of its corpora: each in proportion to its rows that fit `longest`, question and all."""

    corpora: tuple[Solutions, ...]
    longest: float

    @property
    def tokens(self) -> float:
        """Of a solution, at the mean."""
        return self._mean(self.longest - BESIDE)

    def prompted(self, longest: int) -> float:
        """The share of the rows whose rewriting prompt has at most so many tokens."""
        fit, within = self._rows(self.longest - BESIDE), min(self.longest - BESIDE, longest - BESIDE_REWRITING)
        return self._rows(within) / fit if fit else 0.0

    def rewritten(self, longest: float = inf) -> float:
        """Tokens of a rewrite, of rows with a rewriting prompt of at most `longest`: as many as its demonstration has,
        or as an instruction-tuned model writes."""
        return min(OWN, self._mean(min(self.longest - BESIDE, longest - BESIDE_REWRITING)))

    def _rows(self, most: float) -> float:
        return sum(one.rows * one.within(most)[0] for one in self.corpora)

    def _mean(self, most: float) -> float:
        parts = [(one.rows * share, mean) for one in self.corpora for share, mean in [one.within(most)]]
        rows = sum(each for each, _ in parts)
        return sum(each * mean for each, mean in parts) / rows if rows else max(1.0, most)


def _below(deviations: float) -> float:
    return NormalDist().cdf(max(-1e9, min(1e9, deviations)))


def solutions(config: CorpusConfig) -> Solutions:
    """By the shipped table, or by the first rows of a file of one's own; where neither tells, as NuminaMath-CoT's."""
    known = on_the_hub(config.path, config.files)
    if known is not None:
        return Solutions(known.rows, known.tokens, known.spread)
    rows = rows_of_file(config.path, config.files)
    measured = _measured(config.path, config.files, config.format, tuple(config.map.items()))
    if measured is None:
        usual = table().corpora[USUAL]
        return Solutions(rows, usual.tokens, usual.spread)
    characters, spread = measured
    return Solutions(rows, characters / PER_TOKEN[config.domain], spread)


@cache
def _measured(path: str, files: str, form: Format, mapping: tuple[tuple[str, str], ...]) -> tuple[float, float] | None:
    """Characters of a solution at the mean, and the standard deviation of their logarithms."""
    found: list[int] = []
    for file in files_of(path, files):
        if len(found) < LOOKED_AT:
            found += islice(_characters(file, form, dict(mapping)), LOOKED_AT - len(found))
    return (fmean(found), max(0.05, pstdev([log(one) for one in found]))) if found else None


def _characters(file: Path, form: Format, mapping: Mapping[str, str]) -> Iterator[int]:
    """Of each solution of a file; what cannot be read is told when it is imported."""
    with suppress(UnreadableFile, OSError, EOFError):
        for raw in raw_rows(file, kept_columns(form, mapping, carry=False)):
            with suppress(BadRow):
                row = READERS[form](raw.content, mapping).row if isinstance(raw.content, dict) else None
                if row and row["solution"]:
                    yield len(row["solution"])
