"""A method's curve, and where it stands at a given downstream accuracy; everything in all replicates at once.

In:  correct["sft@0.0008"]["nano_facts"], 0/1 arrays [seeds, rows]; the base under "base"
Out: Curve(math=[[0.48, 0.47, …], [0.83, …], [0.86, …]], kept=[…]): a row the base, then one a rate; a column the
     data, then one a replicate. `kept` is the outcome that is compared: general accuracy, or the rise of a thermometer

A method at another strength than its file's is drawn under a longer name, "sft_kl=0.5@0.0008", and has its own curve.

A curve begins at the base, which is every method at a learning rate of nothing, and goes in straight lines from rate to
rate. `kept_at` walks along it and stops where it first has the downstream accuracy that is asked for; where it never
has, there is no figure: nothing is extrapolated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.methods.strength import method_of, strength_of
from tasks.report.computed.summary import average
from tasks.report.statistics.statistics import Drawn, Matrix, Vector


@dataclass(frozen=True)
class Curve:
    """Averages [1 + rates, 1 + replicates], by rising rate behind the base."""

    rates: list[float]
    math: Matrix
    kept: Matrix
    seeds: list[int]  # at each rate


Strength = float | None  # None of a method that was run at its file's own strength alone, or has none
Curves = Mapping[str, Mapping[Strength, Curve]]  # of a method by rising strength


def at(name: str, rate: float) -> str:
    """The name under which a method (at a strength) is drawn at a rate."""
    return f"{name}@{rate:g}"


def without_rate(name: str) -> str:
    """The method (at a strength) of such a name."""
    return name.partition("@")[0]


def whose_seeds(name: str) -> str:
    """The method whose seeds a drawn name's are: they move together at all its rates and strengths."""
    return method_of(without_rate(name))


def strengths_in(names: Iterable[str]) -> dict[str, dict[Strength, str]]:
    """Names by method and rising strength: {"sft": {None: "sft"}, "sft_kl": {0.1: "sft_kl", 2.0: "sft_kl=2"}}."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        found.setdefault(method_of(name), []).append(name)
    curves: dict[str, dict[Strength, str]] = {}
    for method, of in found.items():
        rising = sorted(of, key=lambda name: strength_of(name) or 0.0)
        curves[method] = {None: method} if of == [method] else {strength_of(name): name for name in rising}
    return curves


def curve(
    drawn: Drawn,
    name: str,
    rates: Sequence[float],
    math: Sequence[str],
    kept: Sequence[str],
    seeds: Mapping[str, int],
) -> Curve:
    """The curve of a method at one strength, over those of the rates at which all of it was measured.

    Args:
        math: the downstream benchmarks, whose mean is gained.
        kept: what the outcome is the mean of: the general benchmarks, or one thermometer.
        seeds: how many stand behind each name.
    """
    present = [rate for rate in sorted(rates) if all(one in drawn.get(at(name, rate), ()) for one in (*math, *kept))]
    names = ["base", *(at(name, rate) for rate in present)]
    gained, left = (np.array([average(drawn, one, of) for one in names], dtype=np.float64) for of in (math, kept))
    return Curve(present, gained, left, [seeds[one] for one in names[1:]])


def kept_at(curve: Curve, level: Vector) -> Vector:
    """The outcome where the curve first has this downstream accuracy, both [1 + replicates]; NaN where it never has."""
    found = np.full(curve.math.shape[1], np.nan)
    for before, after, kept, then in zip(curve.math, curve.math[1:], curve.kept, curve.kept[1:], strict=False):
        crosses = np.isnan(found) & ((before - level) * (after - level) <= 0)
        rise = np.where(after == before, 1.0, after - before)
        share = np.clip(np.where(after == before, 0.0, (level - before) / rise), 0, 1)
        found[crosses] = (kept + share * (then - kept))[crosses]
    return found


def level_of(curve: Curve, share: float) -> Vector:
    """The downstream accuracy at which the reference has this share of the most that it gains at any rate.

    It is told in each replicate by itself: questions that are hard for all models move it with them.
    """
    return np.asarray(curve.math[0] + share * (curve.math.max(axis=0) - curve.math[0]))
