"""Rows that say nearly the same as an earlier one of the draw: question and solution, but for a few words.

In:  "Tom has 3 red pens and …" after "Tom has 3 blue pens and …"
Out: Near(left_out=True, score=0.86, partner="numinamath_cot/3f2a91c07b5d4e68")

The score is the Jaccard similarity of their sets of 5-grams of words, estimated by MinHash (Broder, 1997) over 256
permutations (standard error 0.025 at 0.8); locality-sensitive hashing finds the pairs, so rows are not compared with
all others (banded_index.py: datasketch's own index takes 14 KiB a row). A row is left out where its most similar
earlier row is similar enough, left out itself or not: of rows that such pairs chain the first of the draw stays.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.rows.jsonl import Row
from tasks.sample.banded_index import BandedIndex
from tasks.sample.overlap import words

WORDS = 5
PERMUTATIONS = 256
LEAST = 0.5  # similarity from which pairs are looked for and listed
MISSED, FOUND_FALSELY = 0.9, 0.1  # in choosing bands: what a missed pair weighs, and one that is compared in vain
SHOWN = (0.6, 0.7, 0.8, 0.9, 1.0)  # thresholds of which the manifest says how many rows each would leave out


class Near(NamedTuple):
    """The earlier row that a row is most like."""

    left_out: bool
    score: float
    partner: str


class NearDuplicates:
    """The rows of a draw so far: about 2 KiB each."""

    def __init__(self, least: float) -> None:
        """`least`: the similarity from which a row is left out."""
        from datasketch import MinHash, MinHashLSH

        self._least, self._sketch = least, MinHash
        bands = MinHashLSH(LEAST, PERMUTATIONS, weights=(FOUND_FALSELY, MISSED))
        self._index = BandedIndex(bands.b, bands.r)
        self._ids: list[str] = []
        self._values: list[NDArray[np.uint32]] = []

    def near(self, row: Row) -> Near | None:
        """What `row` is most like of the earlier ones; it is one of them from now on. None: nothing is half like it."""
        sketch = self._sketch(PERMUTATIONS)
        sketch.update_batch(shingles(f"{row['question']}\n{row['solution']}"))
        found = sorted(self._index.add(sketch.hashvalues))
        self._ids.append(row["id"])
        self._values.append(sketch.hashvalues.astype(np.uint32))
        if not found:
            return None
        scores = (np.stack([self._values[place] for place in found]) == sketch.hashvalues).mean(axis=1)
        best = int(scores.argmax())
        if scores[best] < LEAST:
            return None
        return Near(bool(scores[best] >= self._least), round(float(scores[best]), 4), self._ids[found[best]])


def shingles(text: str) -> list[bytes]:
    """A text's 5-grams of words; all its words together where there are fewer."""
    said = words(text)
    count = max(1, len(said) - WORDS + 1)
    return list({" ".join(said[at : at + WORDS]).encode() for at in range(count)})


def counted(found: list[Row]) -> dict[str, int]:
    """What a manifest says of them: rows left out, rows listed, and what each threshold would leave out."""
    if not found:
        return {}
    counts = {
        "near_duplicates": sum(row["left_out"] for row in found),
        "near_duplicates_listed": len(found),
    }
    counts |= {f"near_duplicates_at_{least:g}": sum(row["score"] >= least for row in found) for least in SHOWN}
    return {name: count for name, count in counts.items() if count}
