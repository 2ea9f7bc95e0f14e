"""A judge's verdicts against labels, as shares with their 95 % intervals.

In:  labels [True, True, False, …], verdicts [True, False, None, …]
Out: Measure(precision=Share(0.97, 0.95, 0.98), recall=…, f1=…, false_pass_share=…, base_rate=…, undecided=1, …)

"Positive" is what the gate lets through: precision is the share of passed solutions whose reasoning is right, recall
the share of right ones that pass. Rows without a verdict are in neither; they are counted beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True)
class Share:
    """A share in [0, 1] with its 95 % interval; None where nothing was counted."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Measure:
    """A judge on the rows of one source. `false_pass` is the share of wrong solutions that it lets through, `base_rate`
    the share of right ones among those decided: the precision of a judge that lets everything through."""

    source: str
    rows: int
    undecided: int
    true_pass: int
    false_pass: int
    true_stop: int
    false_stop: int
    precision: Share
    recall: Share
    f1: Share
    false_pass_share: Share
    accuracy: Share
    base_rate: Share


def measure(source: str, labels: Sequence[bool], verdicts: Sequence[bool | None], seed: int = 0) -> Measure:
    """The judge's verdicts against the labels of one source: Wilson intervals, for F1 the percentile bootstrap."""
    pairs = [(label, verdict) for label, verdict in zip(labels, verdicts, strict=True) if verdict is not None]
    true_pass, false_pass = pairs.count((True, True)), pairs.count((False, True))
    false_stop, true_stop = pairs.count((True, False)), pairs.count((False, False))
    return Measure(
        source=source,
        rows=len(labels),
        undecided=len(labels) - len(pairs),
        true_pass=true_pass,
        false_pass=false_pass,
        true_stop=true_stop,
        false_stop=false_stop,
        precision=_wilson(true_pass, true_pass + false_pass),
        recall=_wilson(true_pass, true_pass + false_stop),
        f1=_f1(true_pass, false_pass, false_stop, true_stop, seed),
        false_pass_share=_wilson(false_pass, false_pass + true_stop),
        accuracy=_wilson(true_pass + true_stop, len(pairs)),
        base_rate=_wilson(true_pass + false_stop, len(pairs)),
    )


def _wilson(count: int, total: int) -> Share:
    if total == 0:
        return Share(None)
    from scipy.stats import binomtest  # a second, at the start of every command

    interval = binomtest(count, total).proportion_ci(method="wilson")
    return Share(count / total, float(interval.low), float(interval.high))


def _f1(true_pass: int, false_pass: int, false_stop: int, true_stop: int, seed: int) -> Share:
    """F1 = 2 tp / (2 tp + fp + fn); the rows are drawn anew `RESAMPLES` times."""
    counts = np.array([true_pass, false_pass, false_stop, true_stop], dtype=np.float64)
    below = 2 * true_pass + false_pass + false_stop
    if below == 0:
        return Share(None)
    drawn = np.random.default_rng(seed).multinomial(int(counts.sum()), counts / counts.sum(), size=RESAMPLES)
    denominators = 2 * drawn[:, 0] + drawn[:, 1] + drawn[:, 2]
    usable = denominators > 0
    low, high = np.quantile(2 * drawn[usable, 0] / denominators[usable], [0.025, 0.975])
    return Share(2 * true_pass / below, float(low), float(high))
