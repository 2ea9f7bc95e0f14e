"""Methods against the reference: at the same rate, at the same downstream accuracy, and each at its own best rate.

In:  a curve a method (curves.py), the reference's among them
Out: [Difference(method="dft", difference=−0.2 points (−4.1 to 3.0), p=0.88, holm=1.0), …], Holm over each list

A method with one seed has no p-value: its interval holds the sampling of questions alone.

The policy, with what was decided before any method was seen, is docs/evaluation.md.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.report.frontier.curves import Curve, best_rate, kept_at, level_of
from tasks.report.frontier.data import GENERAL, Difference, Outcome
from tasks.report.statistics import Vector, holm, percentile, share, two_sided
from tasks.report.values import Estimate

REFERENCE = "sft"
SHARES = (0.5, 0.8)  # of the reference's own gain: the downstream accuracies at which methods are matched
REACHED = 0.95  # of the replicates, from which a difference is told


def same_rate(curves: Mapping[str, Curve], rate: float, outcome: Outcome, confidence: float) -> list[Difference]:
    """Every method against the reference at one rate: what papers compare, and what suits whom it suits."""
    there = {method: one.rates.index(rate) for method, one in curves.items() if rate in one.rates}
    if REFERENCE not in there:
        return []
    sft, theirs = curves[REFERENCE], there[REFERENCE]
    found = []
    for method, place in there.items():
        if method == REFERENCE:
            continue
        one = curves[method]
        math, difference = one.math[1 + place], one.kept[1 + place] - sft.kept[1 + theirs]
        found.append(
            Difference(
                method=method,
                reference=REFERENCE,
                outcome=outcome,
                rates=[rate],
                math=share(math, confidence),
                math_difference=percentile(math - sft.math[1 + theirs], confidence),
                value=_value(one.kept[1 + place], outcome, confidence),
                difference=percentile(difference, confidence),
                p=_p(difference, one.seeds[place], sft.seeds[theirs]),
            )
        )
    return _corrected(found)


def matched(curves: Mapping[str, Curve], gained: float, outcome: Outcome, confidence: float) -> list[Difference]:
    """Every method's outcome minus the reference's where both first have the downstream accuracy."""
    sft = curves[REFERENCE]
    level = level_of(sft, gained)
    theirs = kept_at(sft, level)
    found = []
    for method, one in curves.items():
        ours = kept_at(one, level)
        if method == REFERENCE:
            continue
        known = np.isfinite(ours - theirs)
        told = bool(known[0]) and known.mean() >= REACHED
        found.append(
            Difference(
                method=method,
                reference=REFERENCE,
                outcome=outcome,
                level=float(level[0]),
                reached=float(known[1:].mean()) if len(known) > 1 else float(known[0]),
                value=_value(ours[known], outcome, confidence) if told else None,
                difference=percentile((ours - theirs)[known], confidence) if told else None,
                unmeasured=told and any(_before_its_rates(at, level) for at in (one, sft)),
                p=_p((ours - theirs)[known], *one.seeds, *sft.seeds) if told else None,
            )
        )
    return _corrected(found)


def _before_its_rates(curve: Curve, level: Vector) -> bool:
    """Whether the curve has the level between the backbone and its lowest rate, where nothing was measured."""
    return bool((curve.math[0, 0] - level[0]) * (curve.math[1, 0] - level[0]) < 0)


def own_best(
    curves: Mapping[str, Curve], halves: Sequence[Mapping[str, Curve]], outcome: Outcome, confidence: float
) -> list[Difference]:
    """Every method at the rate with its highest downstream accuracy, chosen on one half of the downstream questions
    and told on the other, both ways round; the outcome is of all questions or texts, which chose nothing."""
    own = {method: _crossed(one, [of[method] for of in halves]) for method, one in curves.items()}
    theirs = own[REFERENCE][1]
    found = []
    for method, (math, kept, rates) in own.items():
        other = method != REFERENCE
        found.append(
            Difference(
                method=method,
                reference=REFERENCE,
                outcome=outcome,
                rates=rates,
                math=share(math, confidence),
                value=_value(kept, outcome, confidence),
                difference=percentile(kept - theirs, confidence) if other else None,
                p=_p(kept - theirs, *curves[method].seeds, *curves[REFERENCE].seeds) if other else None,
            )
        )
    return _corrected(found)


def _crossed(whole: Curve, halves: Sequence[Curve]) -> tuple[Vector, Vector, list[float]]:
    chosen = [best_rate(one) for one in halves]
    math = np.mean([halves[1 - number].math[1 + place] for number, place in enumerate(chosen)], axis=0)
    kept = np.mean([whole.kept[1 + place] for place in chosen], axis=0)
    return math, kept, sorted({whole.rates[place] for place in chosen})


def _value(values: Vector, outcome: Outcome, confidence: float) -> Estimate:
    return (share if outcome == GENERAL else percentile)(values, confidence)


def _p(difference: Vector, *seeds: int) -> float | None:
    return two_sided(difference) if min(seeds) > 1 else None


def _corrected(found: list[Difference]) -> list[Difference]:
    """With Holm's correction over those that have a p-value."""
    tested = [one for one in found if one.p is not None]
    for one, value in zip(tested, holm([one.p for one in tested if one.p is not None]), strict=True):
        one.holm = value
    return found
