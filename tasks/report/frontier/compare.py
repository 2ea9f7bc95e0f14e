"""Methods against one of them: at the same rate, at the same downstream accuracy, and each at its own best rate.

In:  a method's curves by strength (curves.py), of most a single one; against "sft", or another of them
Out: [Difference(method="dft", difference=−0.2 points (−4.1 to 3.0), p=0.88, holm=1.0), …], Holm over each list

The downstream accuracies at which methods are matched are SFT's, whatever they are held against: tables against two
methods tell of the same levels. A method with one seed has no p-value: its interval holds the sampling of questions
alone. Of several strengths one is chosen as a rate is (choice.py).

The policy, with what was decided before any method was seen, is docs/evaluation.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.report.frontier.choice import Choice
from tasks.report.frontier.curves import Curve, Curves, Strength, kept_at, level_of
from tasks.report.frontier.data import RISES, SFT, Difference, Outcome
from tasks.report.schema.values import Estimate
from tasks.report.statistics.statistics import Vector, corrected, percentile, share, two_sided

SHARES = (0.5, 0.8)  # of SFT's own gain: the downstream accuracies at which methods are matched
REACHED = 0.95  # of the replicates, from which an interval is told


def same_rate(curves: Curves, rate: float, outcome: Outcome, confidence: float, against: str = SFT) -> list[Difference]:
    """Every method against the reference at one rate: what papers compare, and what suits whom it suits."""
    reference = only_curve(curves, against)
    if rate not in reference.rates:
        return []
    theirs = reference.rates.index(rate)
    found = []
    for method, strength, one in ((method, *item) for method, of in curves.items() for item in of.items()):
        if method == against or rate not in one.rates:
            continue
        place = one.rates.index(rate)
        math, difference = one.math[1 + place], one.kept[1 + place] - reference.kept[1 + theirs]
        found.append(
            Difference(
                method=method,
                reference=against,
                outcome=outcome,
                rates=[rate],
                strengths=_told([strength]),
                math=share(math, confidence),
                math_difference=percentile(math - reference.math[1 + theirs], confidence),
                value=_value(one.kept[1 + place], outcome, confidence),
                difference=percentile(difference, confidence),
                p=_p(difference, one.seeds[place], reference.seeds[theirs]),
            )
        )
    return _corrected(found)


class Levels(NamedTuple):
    """The downstream accuracy at which methods are matched, the same for every outcome: on all questions, and on those
    that tell each choice."""

    whole: Vector
    told: list[Vector]


def levels_of(general: Curves, choices: Sequence[Choice], gained: float) -> Levels:
    """Where SFT has this share of its gain, by the curves of general accuracy: a thermometer that was not read at one
    of SFT's rates has a shorter curve, and knows less of what it gained."""
    whole, *told = (level_of(only_curve(of, SFT), gained) for of in (general, *(choice.told for choice in choices)))
    return Levels(whole, told)


def matched(
    curves: Curves, choices: Sequence[Choice], level: Levels, outcome: Outcome, confidence: float, against: str = SFT
) -> list[Difference]:
    """Every method's outcome minus the reference's where both first have this downstream accuracy. Where a strength is
    chosen, all are read on the questions that told it."""
    found = []
    for method in curves:
        if method == against:
            continue
        strengths, told_on, levels = _told_on(curves, choices, level, method)
        pairs = [
            (of[method][strength], only_curve(of, against)) for strength, of in zip(strengths, told_on, strict=True)
        ]
        ours, theirs = (
            np.mean([kept_at(pair[side], one) for pair, one in zip(pairs, levels, strict=True)], axis=0)
            for side in (0, 1)
        )
        known = np.isfinite(ours - theirs)
        told, reached = bool(known[0]), float(known[1:].mean()) if len(known) > 1 else float(known[0])
        sure = told and reached >= REACHED
        shown = known if sure else np.arange(len(known)) == 0  # the estimate alone
        found.append(
            Difference(
                method=method,
                reference=against,
                outcome=outcome,
                level=float(level.whole[0]),
                strengths=_told(strengths),
                reached=reached,
                value=_value(ours[shown], outcome, confidence) if told else None,
                difference=percentile((ours - theirs)[shown], confidence) if told else None,
                unmeasured=told
                and any(_before_its_rates(at, one) for pair, one in zip(pairs, levels, strict=True) for at in pair),
                p=_p(ours - theirs, *(seeds for pair in pairs for at in pair for seeds in at.seeds)) if sure else None,
            )
        )
    return _corrected(found)


def _told_on(
    curves: Curves, choices: Sequence[Choice], level: Levels, method: str
) -> tuple[list[Strength], list[Curves], list[Vector]]:
    """The method's only strength, all curves and their level; of several the one that each choice takes, and curves
    and level of the questions that tell it."""
    if len(curves[method]) == 1:
        return list(curves[method]), [curves], [level.whole]
    return [choice.best(method)[0] for choice in choices], [choice.told for choice in choices], level.told


def _before_its_rates(curve: Curve, level: Vector) -> bool:
    """Whether the curve has the level between the backbone and its lowest rate, where nothing was measured."""
    return bool((curve.math[0, 0] - level[0]) * (curve.math[1, 0] - level[0]) < 0)


def own_best(
    curves: Curves, choices: Sequence[Choice], outcome: Outcome, confidence: float, against: str = SFT
) -> list[Difference]:
    """Every method at the rate and strength with its highest downstream accuracy where the choice is made."""
    own = {method: _chosen(method, choices) for method in curves}
    theirs = own[against][1]
    found = []
    for method, (math, kept, chosen) in own.items():
        other = method != against
        seeds = [one for strength, _ in chosen for one in curves[method][strength].seeds]
        found.append(
            Difference(
                method=method,
                reference=against,
                outcome=outcome,
                rates=sorted({rate for _, rate in chosen}),
                strengths=_told([strength for strength, _ in chosen]),
                math=share(math, confidence),
                value=_value(kept, outcome, confidence),
                difference=percentile(kept - theirs, confidence) if other else None,
                p=_p(kept - theirs, *seeds, *only_curve(curves, against).seeds) if other else None,
            )
        )
    return _corrected(found)


def _chosen(method: str, choices: Sequence[Choice]) -> tuple[Vector, Vector, list[tuple[Strength, float]]]:
    """Downstream, the outcome, and the strength and rate of each choice."""
    math, kept, chosen = [], [], []
    for choice in choices:
        strength, place = choice.best(method)
        one = choice.told[method][strength]
        math.append(one.math[1 + place])
        kept.append(one.kept[1 + place])
        chosen.append((strength, one.rates[place]))
    return np.mean(math, axis=0), np.mean(kept, axis=0), chosen


def only_curve(curves: Curves, method: str) -> Curve:
    """That of a method which was run at one strength, or has none."""
    [found] = curves[method].values()
    return found


def _told(strengths: Sequence[Strength]) -> list[float]:
    return sorted({one for one in strengths if one is not None})


def _value(values: Vector, outcome: Outcome, confidence: float) -> Estimate:
    return (percentile if outcome in RISES else share)(values, confidence)


def _p(difference: Vector, *seeds: int) -> float | None:
    return two_sided(difference) if min(seeds) > 1 else None


def _corrected(found: list[Difference]) -> list[Difference]:
    corrected(found)
    return found
