"""Methods against the reference: at the same rate, at the same downstream accuracy, and each at its own best rate.

In:  a method's curves by strength (curves.py), of most a single one, the reference's among them
Out: [Difference(method="dft", difference=−0.2 points (−4.1 to 3.0), p=0.88, holm=1.0), …], Holm over each list

A method with one seed has no p-value: its interval holds the sampling of questions alone. Of several strengths one is
chosen as a rate is (choice.py).

The policy, with what was decided before any method was seen, is docs/evaluation.md.
"""

from collections.abc import Sequence

import numpy as np

from tasks.report.frontier.choice import Choice
from tasks.report.frontier.curves import Curve, Curves, Strength, kept_at, level_of
from tasks.report.frontier.data import RISES, Difference, Outcome
from tasks.report.statistics import Vector, corrected, percentile, share, two_sided
from tasks.report.values import Estimate

REFERENCE = "sft"
SHARES = (0.5, 0.8)  # of the reference's own gain: the downstream accuracies at which methods are matched
REACHED = 0.95  # of the replicates, from which a difference is told


def same_rate(curves: Curves, rate: float, outcome: Outcome, confidence: float) -> list[Difference]:
    """Every method against the reference at one rate: what papers compare, and what suits whom it suits."""
    sft = _reference(curves)
    if rate not in sft.rates:
        return []
    theirs = sft.rates.index(rate)
    found = []
    for method, strength, one in ((method, *item) for method, of in curves.items() for item in of.items()):
        if method == REFERENCE or rate not in one.rates:
            continue
        place = one.rates.index(rate)
        math, difference = one.math[1 + place], one.kept[1 + place] - sft.kept[1 + theirs]
        found.append(
            Difference(
                method=method,
                reference=REFERENCE,
                outcome=outcome,
                rates=[rate],
                strengths=_told([strength]),
                math=share(math, confidence),
                math_difference=percentile(math - sft.math[1 + theirs], confidence),
                value=_value(one.kept[1 + place], outcome, confidence),
                difference=percentile(difference, confidence),
                p=_p(difference, one.seeds[place], sft.seeds[theirs]),
            )
        )
    return _corrected(found)


def matched(
    curves: Curves, choices: Sequence[Choice], gained: float, outcome: Outcome, confidence: float
) -> list[Difference]:
    """Every method's outcome minus the reference's where both first have the downstream accuracy. Where a strength is
    chosen, both are read at the level of the questions that told it."""
    told_at = float(level_of(_reference(curves), gained)[0])
    found = []
    for method in curves:
        if method == REFERENCE:
            continue
        strengths, pairs = _pairs(curves, choices, method)
        levels = [level_of(sft, gained) for _, sft in pairs]
        ours = np.mean([kept_at(one, level) for (one, _), level in zip(pairs, levels, strict=True)], axis=0)
        theirs = np.mean([kept_at(sft, level) for (_, sft), level in zip(pairs, levels, strict=True)], axis=0)
        known = np.isfinite(ours - theirs)
        told = bool(known[0]) and known.mean() >= REACHED
        found.append(
            Difference(
                method=method,
                reference=REFERENCE,
                outcome=outcome,
                level=told_at,
                strengths=_told(strengths),
                reached=float(known[1:].mean()) if len(known) > 1 else float(known[0]),
                value=_value(ours[known], outcome, confidence) if told else None,
                difference=percentile((ours - theirs)[known], confidence) if told else None,
                unmeasured=told
                and any(_before_its_rates(at, level) for pair, level in zip(pairs, levels, strict=True) for at in pair),
                p=_p((ours - theirs)[known], *(seeds for pair in pairs for at in pair for seeds in at.seeds))
                if told
                else None,
            )
        )
    return _corrected(found)


def _pairs(curves: Curves, choices: Sequence[Choice], method: str) -> tuple[list[Strength], list[tuple[Curve, Curve]]]:
    """The method's curve beside the reference's, at its only strength; of several at the one that each choice takes, on
    the questions that tell it."""
    of, sft = curves[method], _reference(curves)
    if len(of) == 1:
        return list(of), [(one, sft) for one in of.values()]
    chosen = [choice.best(method)[0] for choice in choices]
    return chosen, [
        (choice.told[method][strength], _reference(choice.told))
        for strength, choice in zip(chosen, choices, strict=True)
    ]


def _before_its_rates(curve: Curve, level: Vector) -> bool:
    """Whether the curve has the level between the backbone and its lowest rate, where nothing was measured."""
    return bool((curve.math[0, 0] - level[0]) * (curve.math[1, 0] - level[0]) < 0)


def own_best(curves: Curves, choices: Sequence[Choice], outcome: Outcome, confidence: float) -> list[Difference]:
    """Every method at the rate and strength with its highest downstream accuracy where the choice is made."""
    own = {method: _chosen(method, choices) for method in curves}
    theirs = own[REFERENCE][1]
    found = []
    for method, (math, kept, chosen) in own.items():
        other = method != REFERENCE
        seeds = [one for strength, _ in chosen for one in curves[method][strength].seeds]
        found.append(
            Difference(
                method=method,
                reference=REFERENCE,
                outcome=outcome,
                rates=sorted({rate for _, rate in chosen}),
                strengths=_told([strength for strength, _ in chosen]),
                math=share(math, confidence),
                value=_value(kept, outcome, confidence),
                difference=percentile(kept - theirs, confidence) if other else None,
                p=_p(kept - theirs, *seeds, *_reference(curves).seeds) if other else None,
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


def _reference(curves: Curves) -> Curve:
    """Its only curve: vanilla SFT has no strength."""
    return curves[REFERENCE][None]


def _told(strengths: Sequence[Strength]) -> list[float]:
    return sorted({one for one in strengths if one is not None})


def _value(values: Vector, outcome: Outcome, confidence: float) -> Estimate:
    return (percentile if outcome in RISES else share)(values, confidence)


def _p(difference: Vector, *seeds: int) -> float | None:
    return two_sided(difference) if min(seeds) > 1 else None


def _corrected(found: list[Difference]) -> list[Difference]:
    corrected(found)
    return found
