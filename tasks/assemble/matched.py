"""Rows of which a rewrite and an expert's solution are matched, so that what is left between two arms is the text.

In:  scores.jsonl of what passes and of the experts' solutions, {"id": "a", "nll": 0.71, "tokens": 38} by id
Out: the ids of the rows that an arm trains on

By length the same rows are in both arms: the rewrite has as many tokens as the solution, within a tenth. By NLL, where
a question has one solution, its rewrite is nearly always likelier; so rewrites are paired with solutions of *other*
questions that are as likely under pi_0, within a tenth, each once: as many pairs as there can be. Then the two arms
have as many rows and the same distribution of NLL, and not the same questions.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from tasks.rows.jsonl import read_rows

Match = Literal["length", "nll"]
Text = Literal["passing", "expert"]
WITHIN = 0.1  # of the expert's


class NothingMatches(ValueError):
    """No row is left; says of how many."""


def matched(match: Match, text: Text, passing: Path | None, expert: Path | None) -> set[str]:
    """Ids of the rows that the arm of this text trains on; both arms get the same two folders of scores.

    Raises:
        NothingMatches: not one row has a match.
        ValueError: scores are missing.
    """
    if passing is None or expert is None:
        raise ValueError(f"match {match} needs the scores of what passes and of the experts' solutions")
    field = "tokens" if match == "length" else "nll"
    ours, theirs = (_by_id(folder, field) for folder in (passing, expert))
    if match == "length":
        pairs = [(row, row) for row in ours if row in theirs and as_large(ours[row], theirs[row])]
    else:
        pairs = paired(ours, theirs)
    if not pairs:
        raise NothingMatches(
            f"of {len(ours)} rows that pass none is as large as an expert's in {field}, within a tenth"
        )
    return {one if text == "passing" else other for one, other in pairs}


def paired(ours: Mapping[str, float], theirs: Mapping[str, float]) -> list[tuple[str, str]]:
    """As many pairs of one of ours and one of theirs that is as large as there can be, each once.

    Both are walked from the smallest: what fits is paired, and else the smaller of the two fits nothing that is left.
    """
    first, second = (sorted(values, key=lambda row: (values[row], row)) for values in (ours, theirs))
    pairs, i, j = list[tuple[str, str]](), 0, 0
    while i < len(first) and j < len(second):
        one, other = ours[first[i]], theirs[second[j]]
        if as_large(one, other):
            pairs.append((first[i], second[j]))
            i, j = i + 1, j + 1
        elif one < other:
            i += 1
        else:
            j += 1
    return pairs


def as_large(ours: float, theirs: float) -> bool:
    """Within a tenth of the expert's."""
    return abs(ours - theirs) <= WITHIN * theirs


def _by_id(scores: Path, field: str) -> dict[str, float]:
    return {row["id"]: float(row[field]) for row in read_rows(scores / "scores.jsonl", ["id", field])}
