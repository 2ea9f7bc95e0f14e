"""Methods against the reference: at the same rate, at the same downstream accuracy, and each at its own best rate.

In:  a curve a method (curves.py), the reference's among them
Out: [Difference(method="dft", difference=−0.2 points (−4.1 to 3.0), p=0.88, holm=1.0), …], Holm over each list

A method with one seed has no p-value: its interval holds the sampling of questions alone.

The policy, with what was decided before any method was seen, is docs/evaluation.md.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.report.frontier.curves import Curve, best_rate, general_at, level_of
from tasks.report.frontier.data import Difference
from tasks.report.statistics import Vector, holm, percentile, two_sided

REFERENCE = "sft"
SHARES = (0.5, 0.8)  # of the reference's own gain: the downstream accuracies at which methods are matched
REACHED = 0.95  # of the replicates, from which a difference is told


def same_rate(curves: Mapping[str, Curve], rate: float, confidence: float) -> list[Difference]:
    """Every method against the reference at one rate: what papers compare, and what suits whom it suits."""
    there = {method: 1 + one.rates.index(rate) for method, one in curves.items() if rate in one.rates}
    if REFERENCE not in there:
        return []
    math_of, general_of = (found[there[REFERENCE]] for found in (curves[REFERENCE].math, curves[REFERENCE].general))
    found = []
    for method, place in there.items():
        if method == REFERENCE:
            continue
        math, general = curves[method].math[place], curves[method].general[place]
        found.append(
            Difference(
                method=method,
                reference=REFERENCE,
                rates=[rate],
                math=percentile(math, confidence),
                math_difference=percentile(math - math_of, confidence),
                general=percentile(general, confidence),
                difference=percentile(general - general_of, confidence),
                p=_p(
                    general - general_of, curves[method].seeds[place - 1], curves[REFERENCE].seeds[there[REFERENCE] - 1]
                ),
            )
        )
    return _corrected(found)


def matched(curves: Mapping[str, Curve], share: float, confidence: float) -> list[Difference]:
    """Every method's general accuracy minus the reference's where both first have the downstream accuracy."""
    level = level_of(curves[REFERENCE], share)
    theirs = general_at(curves[REFERENCE], level)
    found = []
    for method, one in curves.items():
        ours = general_at(one, level)
        if method == REFERENCE:
            continue
        known = np.isfinite(ours - theirs)
        told = bool(known[0]) and known.mean() >= REACHED
        found.append(
            Difference(
                method=method,
                reference=REFERENCE,
                level=float(level[0]),
                reached=float(known[1:].mean()) if len(known) > 1 else float(known[0]),
                general=percentile(ours[known], confidence) if told else None,
                difference=percentile((ours - theirs)[known], confidence) if told else None,
                unmeasured=told and any(_before_its_rates(at, level) for at in (one, curves[REFERENCE])),
                p=_p((ours - theirs)[known], *one.seeds, *curves[REFERENCE].seeds) if told else None,
            )
        )
    return _corrected(found)


def _before_its_rates(curve: Curve, level: Vector) -> bool:
    """Whether the curve has the level between the backbone and its lowest rate, where nothing was measured."""
    return bool((curve.math[0, 0] - level[0]) * (curve.math[1, 0] - level[0]) < 0)


def own_best(curves: Mapping[str, Curve], halves: Sequence[Mapping[str, Curve]], confidence: float) -> list[Difference]:
    """Every method at the rate with its highest downstream accuracy, chosen on one half of the downstream questions
    and told on the other, both ways round; general accuracy is of all questions, which chose nothing."""
    own = {method: _crossed(one, [of[method] for of in halves]) for method, one in curves.items()}
    general_of = own[REFERENCE][1]
    return _corrected(
        [
            Difference(
                method=method,
                reference=REFERENCE,
                rates=rates,
                math=percentile(math, confidence),
                general=percentile(general, confidence),
                difference=None if method == REFERENCE else percentile(general - general_of, confidence),
                p=None
                if method == REFERENCE
                else _p(general - general_of, *curves[method].seeds, *curves[REFERENCE].seeds),
            )
            for method, (math, general, rates) in own.items()
        ]
    )


def _crossed(whole: Curve, halves: Sequence[Curve]) -> tuple[Vector, Vector, list[float]]:
    chosen = [best_rate(one) for one in halves]
    math = np.mean([halves[1 - number].math[1 + place] for number, place in enumerate(chosen)], axis=0)
    general = np.mean([whole.general[1 + place] for place in chosen], axis=0)
    return math, general, sorted({whole.rates[place] for place in chosen})


def _p(difference: Vector, *seeds: int) -> float | None:
    return two_sided(difference) if min(seeds) > 1 else None


def _corrected(found: list[Difference]) -> list[Difference]:
    """With Holm's correction over those that have a p-value."""
    tested = [one for one in found if one.p is not None]
    for one, value in zip(tested, holm([one.p for one in tested if one.p is not None]), strict=True):
        one.holm = value
    return found
