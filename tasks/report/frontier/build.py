"""From answers to a frontier: points, the regime of each rate, and methods compared at matched downstream accuracy.

In:  what was measured of the base, and by rate and run ("sft/0") of the models (measured.py)
Out: Frontier

The policy, with what was decided before any method was seen, is docs/evaluation.md.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from tasks.report.frontier.choice import Validated, by_validation, crossed
from tasks.report.frontier.compare import SHARES, levels_of, matched, only_curve, own_best, same_rate
from tasks.report.frontier.curves import Curves, Strength, at
from tasks.report.frontier.data import GENERAL, GENERAL_PASSES, PASSES, RISES, SFT, Frontier, Outcome, Point, Regime
from tasks.report.frontier.joined import Joined, join
from tasks.report.frontier.matrices import FrontierError
from tasks.report.frontier.measured import Measured
from tasks.report.schema.values import Estimate
from tasks.report.statistics.statistics import Vector, percentile, share

CLIFF = 0.05  # standard deviation of the reference's general accuracy over seeds from which a rate is a cliff
LOST = 0.5  # share of pi_0's general accuracy which the reference has forgotten beyond a cliff


def build(
    backbone: str,
    nano: bool,
    measured: Measured,
    *,
    against: str = SFT,
    confidence: float,
    resamples: int,
    seed: int,
) -> Frontier:
    """The frontier of runs at several rates.

    Rates and strengths are chosen by the validation rows; where a run was asked none, crossed halves of the downstream
    questions choose.

    Raises:
        FrontierError: fewer than two rates, no SFT, nothing or several strengths of what all are held against, or runs
            that were asked other questions than the base.
        ReportError: runs were sampled at different temperatures.
    """
    joined = join(measured)
    if SFT not in joined.methods:
        raise FrontierError(f"{SFT} is not among the runs, and what it gains sets the levels of all comparisons")
    if len(joined.methods.get(against, ())) != 1:
        raise FrontierError(_unfit(against, joined.methods))
    outcomes = joined.outcomes({SFT, *joined.methods[against].values()})
    drawn = joined.draw(resamples, seed)
    curves = {one: joined.curves(drawn, columns) for one, columns in outcomes.items()}
    validated, validation_rows = _validated(joined.methods, measured.each(lambda run: run.validation))
    if validation_rows:
        choices = {one: by_validation(of, validated) for one, of in curves.items()}
    else:
        halves = [joined.draw_half(number, drawn, resamples, seed) for number in (0, 1)]
        choices = {
            one: crossed((joined.curves(halves[0], columns), joined.curves(halves[1], columns)))
            for one, columns in outcomes.items()
        }
    levels = [levels_of(curves[GENERAL], choices[GENERAL], gain) for gain in SHARES]

    def base_of(outcome: Outcome) -> Estimate | None:
        return share(only_curve(curves[outcome], SFT).kept[0], confidence) if outcome in curves else None

    sft = only_curve(curves[GENERAL], SFT)
    base_math, base_general = sft.math[0], sft.kept[0]
    correct, rates = joined.correct, joined.rates
    return Frontier(
        backbone=backbone,
        nano=nano,
        against=against,
        confidence=confidence,
        resamples=resamples,
        benchmarks=joined.groups,
        questions={group: sum(len(joined.ids[name]) for name in names) for group, names in joined.groups.items()},
        outcomes={one: sum(correct["base"][name].shape[1] for name in names) for one, names in outcomes.items()},
        rates=rates,
        validation_rows=validation_rows,
        base_math=share(base_math, confidence),
        base_general=share(base_general, confidence),
        base_passes=base_of(PASSES),
        base_general_passes=base_of(GENERAL_PASSES),
        samples=joined.samples if PASSES in curves or GENERAL_PASSES in curves else None,
        points=_points(curves, confidence),
        regimes=[_regime(rate, joined, float(base_general[0])) for rate in rates],
        same_rate=[
            d for one, of in curves.items() for rate in rates for d in same_rate(of, rate, one, confidence, against)
        ],
        matched=[
            found
            for one, of in curves.items()
            for level in levels
            for found in matched(of, choices[one], level, one, confidence, against)
        ],
        own_best=[d for one, of in curves.items() for d in own_best(of, choices[one], one, confidence, against)],
    )


def _unfit(against: str, methods: Mapping[str, Mapping[Strength, str]]) -> str:
    """Why the others cannot be held against this one."""
    if against not in methods:
        have = ", ".join(sorted(methods))
        return f"nothing can be held against {against}: it is not among the runs, which are of {have}"
    strengths = ", ".join(f"{one:g}" for one in methods[against] if one is not None)
    return f"nothing can be held against {against}: it was run at several strengths ({strengths})"


def _validated(
    methods: Mapping[str, Mapping[Strength, str]], validation: Mapping[float, Mapping[str, Mapping[str, bool]]]
) -> tuple[Validated, int | None]:
    """Mean accuracy over seeds and validation rows of every point, and how many rows; None where a run has none.

    Raises:
        FrontierError: runs were asked other validation rows.
    """
    if not all(right for of in validation.values() for right in of.values()):
        return {}, None
    asked = {frozenset(found) for of in validation.values() for found in of.values()}
    if len(asked) > 1:
        raise FrontierError("runs were asked other validation rows than others: they are not of one experiment")
    found: dict[str, dict[Strength, dict[float, float]]] = {}
    for method, names in methods.items():
        for strength, name in names.items():
            for rate, of in validation.items():
                if seeds := [list(right.values()) for run, right in of.items() if run.partition("/")[0] == name]:
                    found.setdefault(method, {}).setdefault(strength, {})[rate] = float(np.mean(seeds))
    return found, len(next(iter(asked)))


def _points(curves: Mapping[Outcome, Curves], confidence: float) -> list[Point]:
    found = list(_of_each(curves[GENERAL]))
    others = {
        outcome: {(method, strength, rate): kept for method, strength, rate, _, _, kept in _of_each(of)}
        for outcome, of in curves.items()
    }

    def other(outcome: Outcome, *point: *tuple[str, Strength, float]) -> Vector | None:
        return others.get(outcome, {}).get(point)

    def passed(outcome: Outcome, *point: *tuple[str, Strength, float]) -> Estimate | None:
        return None if (kept := other(outcome, *point)) is None else share(kept, confidence)

    return [
        Point(
            method=method,
            strength=strength,
            rate=rate,
            seeds=count,
            math=share(math, confidence),
            general=share(general, confidence),
            passes=passed(PASSES, method, strength, rate),
            general_passes=passed(GENERAL_PASSES, method, strength, rate),
            rises={
                one: percentile(kept, confidence)
                for one in RISES
                if (kept := other(one, method, strength, rate)) is not None
            },
            best=not any(more[0] > math[0] and kept[0] > general[0] for *_, more, kept in found),
        )
        for method, strength, rate, count, math, general in found
    ]


def _of_each(curves: Curves) -> Iterator[tuple[str, Strength, float, int, Vector, Vector]]:
    """Method, strength, rate, seeds, downstream accuracy and outcome of every point."""
    for method, of in curves.items():
        for strength, one in of.items():
            for place, rate in enumerate(one.rates, start=1):
                yield method, strength, rate, one.seeds[place - 1], one.math[place], one.kept[place]


def _regime(rate: float, joined: Joined, base: float) -> Regime:
    of = joined.correct.get(at(SFT, rate))
    if of is None:
        return Regime(rate=rate, forgotten=None, between_seeds=None, name="unknown")
    general, spread = _over_seeds(np.mean([of[name].mean(axis=1) for name in joined.groups["general"]], axis=0))
    rise, rises_apart = _over_seeds(of[RISES[0]].mean(axis=1)) if RISES[0] in of else (None, None)
    lost = base - general >= LOST * base
    return Regime(
        rate=rate,
        forgotten=base - general,
        between_seeds=spread,
        rise=rise,
        rise_between_seeds=rises_apart,
        name="unknown" if spread is None else "cliff" if spread >= CLIFF else "lost" if lost else "gradual",
    )


def _over_seeds(values: Vector) -> tuple[float, float | None]:
    """Mean and standard deviation; of one seed no deviation."""
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else None
