"""From answers to a frontier: points, the regime of each rate, and methods compared at matched downstream accuracy.

In:  answers {"base": {"math500": {"row-1": 1.0, …}}, …} of the base, and by rate and run ("sft/0") those of the models
Out: Frontier

The policy, with what was decided before any method was seen, is docs/evaluation.md.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np

from tasks.evaluate.benchmark import benchmark
from tasks.report.frontier.compare import REFERENCE, SHARES, matched, own_best, same_rate
from tasks.report.frontier.curves import Curve, at, curve, method_of
from tasks.report.frontier.data import Frontier, Point, Regime
from tasks.report.statistics import Matrix, draw, percentile

CLIFF = 0.05  # standard deviation of the reference's general accuracy over seeds from which a rate is a cliff

Answers = Mapping[str, Mapping[str, float]]  # benchmark -> row id -> 1 or 0
Groups = dict[str, list[str]]


class FrontierError(ValueError):
    """Runs that cannot be compared; says which."""


def build(
    backbone: str,
    nano: bool,
    base: Answers,
    runs: Mapping[float, Mapping[str, Answers]],
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> Frontier:
    """The frontier of runs at several rates.

    Raises:
        FrontierError: fewer than two rates, no SFT, or runs that were asked other questions than the base.
    """
    rates = sorted(runs)
    if len(rates) < 2:
        raise FrontierError(f"a frontier needs runs at two learning rates or more, have {rates}")
    ids = {name: sorted(by_id) for name, by_id in base.items()}
    groups: Groups = {group: [name for name in ids if benchmark(name).group == group] for group in ("math", "general")}
    if not all(groups.values()):
        raise FrontierError(f"it needs a downstream and a general benchmark, have {sorted(ids)}")
    correct = _matrices(base, runs, ids)
    methods = list(dict.fromkeys(method_of(name) for name in correct if name != "base"))
    if REFERENCE not in methods:
        raise FrontierError(f"{REFERENCE} is not among the runs, and everything is compared with it")
    seeds = {name: len(next(iter(of.values()))) for name, of in correct.items()}

    def curves_of(answers: Mapping[str, Mapping[str, Matrix]]) -> dict[str, Curve]:
        drawn = draw(answers, resamples, seed, of=method_of)
        return {method: curve(drawn, method, rates, groups, seeds) for method in methods}

    curves = curves_of(correct)
    base_math, base_general = curves[REFERENCE].math[0], curves[REFERENCE].general[0]
    halves = [curves_of(_half(correct, ids, number)) for number in (0, 1)]
    return Frontier(
        backbone=backbone,
        nano=nano,
        confidence=confidence,
        resamples=resamples,
        benchmarks=groups,
        questions={group: sum(len(ids[name]) for name in names) for group, names in groups.items()},
        rates=rates,
        base_math=percentile(base_math, confidence),
        base_general=percentile(base_general, confidence),
        points=_points(curves, confidence),
        regimes=[_regime(rate, correct, groups, float(base_general[0])) for rate in rates],
        same_rate=[one for rate in rates for one in same_rate(curves, rate, confidence)],
        matched=[one for share in SHARES for one in matched(curves, share, confidence)],
        own_best=own_best(curves, halves, confidence),
    )


def _matrices(
    base: Answers, runs: Mapping[float, Mapping[str, Answers]], ids: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, Matrix]]:
    """ "sft@0.0008" -> benchmark -> [seeds, rows], rows in the order of `ids`."""
    rows: dict[str, dict[str, list[list[float]]]] = {}
    rows["base"] = {name: [[base[name][row] for row in ids[name]]] for name in ids}
    for rate in sorted(runs):
        for run, answers in sorted(runs[rate].items(), key=lambda one: _seed(one[0])):
            if other := sorted(name for name in ids if answers.get(name, {}).keys() != base[name].keys()):
                raise FrontierError(f"{run} at {rate:g} was asked other questions than the base: {', '.join(other)}")
            for name in ids:
                of = rows.setdefault(at(run.partition("/")[0], rate), {}).setdefault(name, [])
                of.append([answers[name][row] for row in ids[name]])
    return {name: {one: np.array(matrix) for one, matrix in by_name.items()} for name, by_name in rows.items()}


def _seed(run: str) -> int:
    """0 of "sft/0": seeds stand in the same order at every rate."""
    return int(run.partition("/")[2] or 0)


def _half(
    correct: Mapping[str, Mapping[str, Matrix]], ids: Mapping[str, Sequence[str]], number: int
) -> dict[str, dict[str, Matrix]]:
    """The questions whose id's digest is even (0) or odd (1): the same ones in every study."""
    chosen = {name: [sha256(row.encode()).digest()[0] % 2 == number for row in rows] for name, rows in ids.items()}
    return {who: {name: found[:, chosen[name]] for name, found in of.items()} for who, of in correct.items()}


def _points(curves: Mapping[str, Curve], confidence: float) -> list[Point]:
    found = [
        (method, rate, one.seeds[place - 1], one.math[place], one.general[place])
        for method, one in curves.items()
        for place, rate in enumerate(one.rates, start=1)
    ]
    return [
        Point(
            method=method,
            rate=rate,
            seeds=count,
            math=percentile(math, confidence),
            general=percentile(general, confidence),
            best=not any(other[0] > math[0] and kept[0] > general[0] for *_, other, kept in found),
        )
        for method, rate, count, math, general in found
    ]


def _regime(rate: float, correct: Mapping[str, Mapping[str, Matrix]], groups: Groups, base: float) -> Regime:
    of = correct.get(at(REFERENCE, rate))
    if of is None:
        return Regime(rate=rate, forgotten=None, between_seeds=None, name="unknown")
    by_seed = np.mean([of[name].mean(axis=1) for name in groups["general"]], axis=0)
    spread = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else None
    name = "unknown" if spread is None else "cliff" if spread >= CLIFF else "gradual"
    return Regime(rate=rate, forgotten=base - float(by_seed.mean()), between_seeds=spread, name=name)  # type: ignore[arg-type]
