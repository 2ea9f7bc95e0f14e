"""Where to put the margin of a judge of kind `self`: what each bar lets through of labelled rows.

In:  labels [True, False, True, …], log-odds [-0.4, -1.2, 0.3, …]      (reasoning right; log P(YES) - log P(NO))
Out: Calibration(auc=0.61, bars=[Bar(margin=-1.31, wanted=0.95, measure=Measure(precision=…, recall=…)), …])

A backbone that says YES, or NO, to everything judges nothing at margin 0 and may still tell right from wrong: the area
under the curve (0.5: it does not) says whether a margin can help, whatever it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.verify.judges.measures import Measure, Share, measure

WANTED = (0.99, 0.95, 0.9, 0.75, 0.5)  # shares of right solutions that are to pass
RESAMPLES = 2000


@dataclass(frozen=True)
class Bar:
    """A margin at which the share `wanted` of the right solutions passes, and what it does to all."""

    margin: float
    wanted: float
    measure: Measure


@dataclass(frozen=True)
class Calibration:
    """`auc`: the chance that a right solution has higher log-odds than a wrong one, with its 95 % interval."""

    auc: Share
    bars: list[Bar]


def calibrate(labels: Sequence[bool], log_odds: Sequence[float], seed: int = 0) -> Calibration | None:
    """The bars for `WANTED`; None where all labels are alike. The margins are fitted to these very rows: hold others
    back to report what they do."""
    right = np.array([odds for label, odds in zip(labels, log_odds, strict=True) if label])
    wrong = np.array([odds for label, odds in zip(labels, log_odds, strict=True) if not label])
    if not len(right) or not len(wrong):
        return None
    rng = np.random.default_rng(seed)
    drawn = [_auc(rng.choice(right, len(right)), rng.choice(wrong, len(wrong))) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    bars = []
    for wanted in WANTED:
        margin = float(np.quantile(right, 1 - wanted, method="lower"))
        bars.append(Bar(margin, wanted, measure(f"margin {margin:.3f}", labels, [x >= margin for x in log_odds], seed)))
    return Calibration(Share(_auc(right, wrong), float(low), float(high)), bars)


def _auc(right: np.ndarray, wrong: np.ndarray) -> float:
    """Mann and Whitney's U over n·m; ties count half."""
    from scipy.stats import rankdata  # a second, at the start of every command

    ranks = rankdata(np.concatenate([right, wrong]))[: len(right)]
    return float((ranks.sum() - len(right) * (len(right) + 1) / 2) / (len(right) * len(wrong)))
