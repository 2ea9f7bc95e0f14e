"""Is a dataset off-distribution for a model? Its targets' NLL against that of the model's own answers.

In:  [{"id": "a1", "source": "forum", "nll": 1.9, "own_nll": 0.4}, {"id": "a2", "source": "forum", "nll": 0.7, …}]
Out: Comparison(source="forum", rows=2, own=1, targets=(0.82, 1.3, 1.78), answers=(0.4, 0.4, 0.4), higher=1.0)

A source with fewer than FEW own answers is compared with those of all sources.

`higher` is the probability that a random target has a higher NLL than a random answer of the model's own (the area
under the ROC curve): 0.5 where targets look like what the model writes itself, 1 where every one of them stands out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.rows.jsonl import Row

OFF, APART = 0.8, 0.65  # from here on targets are off-distribution, or at least apart
FEW = 20  # own answers below which nothing is recommended, and a source is compared with those of all sources


@dataclass(frozen=True)
class Comparison:
    """`targets` and `answers` are the 10, 50 and 90 % quantiles of the NLLs, in nats per token.

    `own` counts the own answers to questions of this source; where they are few, `answers` is of all sources.
    """

    source: str
    rows: int
    own: int
    targets: tuple[float, float, float]
    answers: tuple[float, float, float]
    higher: float

    @property
    def pooled(self) -> bool:
        """Whether `answers` is of all sources."""
        return self.own < FEW


def compare(rows: Sequence[Row]) -> list[Comparison]:
    """All rows together, then source by source, the most off-distribution first; a source with fewer than FEW own
    answers is compared with those of all sources."""
    everyone = np.array([row["own_nll"] for row in rows if row["own_nll"] is not None])
    sources = sorted({row["source"] for row in rows})
    parts = [_compared(source, [row for row in rows if row["source"] == source], everyone) for source in sources]
    parts.sort(key=lambda part: -part.higher)
    return [_compared("all", rows, everyone), *(parts if len(parts) > 1 else [])]


def _compared(source: str, rows: Sequence[Row], everyone: NDArray[np.float64]) -> Comparison:
    targets = np.array([row["nll"] for row in rows])
    own = np.array([row["own_nll"] for row in rows if row["own_nll"] is not None])
    answers = own if len(own) >= FEW else everyone
    return Comparison(
        source, len(targets), len(own), _quantiles(targets), _quantiles(answers), _higher(targets, answers)
    )


def _higher(targets: NDArray[np.float64], answers: NDArray[np.float64]) -> float:
    """P(target > answer) + P(equal) / 2 over all pairs."""
    order = np.sort(answers)
    below = np.searchsorted(order, targets, side="left")
    upto = np.searchsorted(order, targets, side="right")
    return float((below + upto).mean() / (2 * len(answers)))


def _quantiles(values: NDArray[np.float64]) -> tuple[float, float, float]:
    low, middle, high = (float(v) for v in np.quantile(values, [0.1, 0.5, 0.9]))
    return low, middle, high


def stand_out(rows: Sequence[Row], count: int) -> list[Row]:
    """The rows whose targets are least likely for their length, highest NLL first."""
    return sorted(rows, key=lambda row: -row["nll"])[:count]


def recommendation(everything: Comparison) -> str:
    """What to do, in words."""
    gap = everything.targets[1] - everything.answers[1]
    share = f"a target is less likely than one of the model's own answers {everything.higher:.0%} of the time"
    if everything.own < FEW:
        return (
            f"Only {everything.own} own answers ended within the limit: too few to say; allow more tokens or more rows."
        )
    if everything.higher >= OFF:
        return (
            f"Off-distribution: {share}, by {gap:.2f} nats a token at the median. Plain SFT on it is likely to cost "
            "general abilities; rewriting is worth it."
        )
    if everything.higher >= APART:
        return (
            f"Partly off-distribution: {share}, by {gap:.2f} nats a token at the median. Rewriting should help; look "
            "at the sources and rows that stand out first."
        )
    return (
        f"In distribution: {share} ({gap:+.2f} nats a token at the median). Plain SFT changes the model little; "
        "rewriting would gain little."
    )
