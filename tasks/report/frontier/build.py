"""From answers to a frontier: points, the regime of each rate, and methods compared at matched downstream accuracy.

In:  what was measured of the base, and by rate and run ("sft/0") of the models (measured.py)
Out: Frontier

The policy, with what was decided before any method was seen, is docs/evaluation.md.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from tasks.evaluate.benchmark import benchmark
from tasks.report.computed.drift import text_groups
from tasks.report.frontier.choice import Validated, by_validation, crossed
from tasks.report.frontier.compare import SHARES, levels_of, matched, only_curve, own_best, same_rate
from tasks.report.frontier.curves import Curve, Curves, Strength, at, curve, strengths_in, whose_seeds, without_rate
from tasks.report.frontier.data import GENERAL, GENERAL_PASSES, PASSES, RISES, SFT, Frontier, Outcome, Point, Regime
from tasks.report.frontier.matrices import FrontierError, half, half_of, of_answers, of_rises, of_samples, seed_numbers
from tasks.report.frontier.measured import Measured
from tasks.report.reading.artifacts import labels
from tasks.report.schema.values import Estimate
from tasks.report.statistics.statistics import Drawn, Matrix, Vector, draw, percentile, share

CLIFF = 0.05  # standard deviation of the reference's general accuracy over seeds from which a rate is a cliff
LOST = 0.5  # share of pi_0's general accuracy which the reference has forgotten beyond a cliff

Groups = dict[str, list[str]]


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
    base, clusters, runs = measured.base.correct, measured.clusters, measured.each(lambda run: run.correct)
    rates = sorted(runs)
    if len(rates) < 2:
        raise FrontierError(f"a frontier needs runs at two learning rates or more, have {rates}")
    ids = {name: sorted(by_id) for name, by_id in base.items()}
    groups: Groups = {group: [name for name in ids if benchmark(name).group == group] for group in ("math", "general")}
    if not all(groups.values()):
        raise FrontierError(f"it needs a downstream and a general benchmark, have {sorted(ids)}")
    correct = of_answers(base, runs)
    methods = strengths_in(without_rate(name) for name in correct if name != "base")
    if SFT not in methods:
        raise FrontierError(f"{SFT} is not among the runs, and what it gains sets the levels of all comparisons")
    if len(methods.get(against, ())) != 1:
        raise FrontierError(_unfit(against, methods))
    compared = {SFT, *methods[against].values()}
    seeds = {name: len(next(iter(of.values()))) for name, of in correct.items()}
    rising, texts = of_rises(measured.each(lambda run: run.rises), seeds)
    passing, sampled, n = of_samples(measured.base.samples, measured.each(lambda run: run.samples), seeds)
    for name, of in (*rising.items(), *passing.items()):
        correct[name] |= of
    ids |= {of: ids[name] for of, name in sampled.items()}
    columns: dict[Outcome, list[str]] = {
        GENERAL: groups["general"],
        PASSES: [of for of, name in sampled.items() if name in groups["math"]],
        GENERAL_PASSES: [of for of, name in sampled.items() if name in groups["general"]],
        **{one: [one] for one in RISES},
    }
    outcomes = {
        one: of
        for one, of in columns.items()
        if of
        and all(any(all(name in correct.get(at(who, rate), ()) for name in of) for rate in rates) for who in compared)
    }
    together = {**clusters, **dict.fromkeys(texts, text_groups(clusters))}
    numbers = seed_numbers(runs)
    validated, validation_rows = _validated(methods, measured.each(lambda run: run.validation))

    def drawn_of(answers: Mapping[str, Mapping[str, Matrix]], of: Mapping[str, Sequence[str]]) -> Drawn:
        groups = labels({**of, **texts}, together)
        return draw(answers, resamples, seed, whose_seeds, groups, lambda name: sampled.get(name, name), numbers)

    def curves_of(drawn: Drawn, outcome: Outcome) -> Curves:
        found: dict[str, dict[Strength, Curve]] = {}
        for method, names in methods.items():
            for strength, name in names.items():
                if (one := curve(drawn, name, rates, groups["math"], outcomes[outcome], seeds)).rates:
                    found.setdefault(method, {})[strength] = one
        return found

    drawn = drawn_of(correct, ids)
    curves = {outcome: curves_of(drawn, outcome) for outcome in outcomes}
    if validation_rows:
        choices = {outcome: by_validation(of, validated) for outcome, of in curves.items()}
    else:
        halves = [drawn_of(half(correct, ids, of), of) for of in (half_of(ids, number) for number in (0, 1))]
        first, second = (_told_on(one, drawn, {*groups["math"], *columns[PASSES]}) for one in halves)
        choices = {one: crossed((curves_of(first, one), curves_of(second, one))) for one in outcomes}
    general = curves[GENERAL]
    levels = [levels_of(general, choices[GENERAL], gain) for gain in SHARES]

    def base_of(outcome: Outcome) -> Estimate | None:
        return share(only_curve(curves[outcome], SFT).kept[0], confidence) if outcome in curves else None

    sft = only_curve(general, SFT)
    base_math, base_general = sft.math[0], sft.kept[0]
    return Frontier(
        backbone=backbone,
        nano=nano,
        against=against,
        confidence=confidence,
        resamples=resamples,
        benchmarks=groups,
        questions={group: sum(len(ids[name]) for name in names) for group, names in groups.items()},
        outcomes={one: sum(correct["base"][name].shape[1] for name in names) for one, names in outcomes.items()},
        rates=rates,
        validation_rows=validation_rows,
        base_math=share(base_math, confidence),
        base_general=share(base_general, confidence),
        base_passes=base_of(PASSES),
        base_general_passes=base_of(GENERAL_PASSES),
        samples=n if PASSES in curves or GENERAL_PASSES in curves else None,
        points=_points(curves, confidence),
        regimes=[_regime(rate, correct, groups, float(base_general[0])) for rate in rates],
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


def _told_on(half: Drawn, whole: Drawn, downstream: Collection[str]) -> Drawn:
    """A half's downstream accuracies and pass@n; all else, which chose nothing, of all questions and texts."""
    return {who: of | {name: half[who][name] for name in of.keys() & downstream} for who, of in whole.items()}


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


def _regime(rate: float, correct: Mapping[str, Mapping[str, Matrix]], groups: Groups, base: float) -> Regime:
    of = correct.get(at(SFT, rate))
    if of is None:
        return Regime(rate=rate, forgotten=None, between_seeds=None, name="unknown")
    general, spread = _over_seeds(np.mean([of[name].mean(axis=1) for name in groups["general"]], axis=0))
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
