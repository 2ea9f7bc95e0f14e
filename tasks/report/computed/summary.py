"""From answers to the headline: averages with intervals for every method, and what differs from what.

Comes in: `correct[method][benchmark]`, 0/1 arrays [seeds, rows] joined by row id, the base under "base" with one seed.
Goes out: Averages (Table 1) a method and Comparisons of every method with the base and with SFT, in points of accuracy.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.report.schema.compared_data import Comparison, Measure
from tasks.report.schema.run_data import Averages
from tasks.report.schema.values import Estimate
from tasks.report.statistics.statistics import Drawn, Matrix, Vector, contrast, corrected, percentile, share

Compared = tuple[Measure, Sequence[str], Sequence[str]]  # a measure, what it is the mean of, and the references


def averages(drawn: Drawn, method: str, benchmarks: Mapping[str, Sequence[str]], confidence: float) -> Averages:
    """Table 1's columns of one method; a column is None where a benchmark of it is missing.

    MathAvg, GeneralAvg and their mean; Math↑ = (M - M_base) / M_base x 100, Gen↓ = (G_base - G) / G_base x 100.
    """
    math, general = (average(drawn, method, benchmarks.get(group, ())) for group in ("math", "general"))
    base_math, base_general = (average(drawn, "base", benchmarks.get(group, ())) for group in ("math", "general"))
    both = None if math is None or general is None else (math + general) / 2
    gain = drop = None
    if method != "base":
        gain = _percent(math, base_math, sign=1)
        drop = _percent(general, base_general, sign=-1)
    return Averages(
        math=None if math is None else share(math, confidence),
        general=None if general is None else share(general, confidence),
        overall=None if both is None else share(both, confidence),
        math_gain_percent=_estimate(gain, confidence),
        general_drop_percent=_estimate(drop, confidence),
    )


def comparisons(
    drawn: Drawn, values: Mapping[str, Mapping[str, Matrix]], compared: Sequence[Compared], confidence: float
) -> list[Comparison]:
    """Every method against every reference, paired over rows; measures that a method does not have are left out."""
    found = []
    for measure, names, references in compared:
        for reference in references:
            for method in drawn:
                ours, theirs = average(drawn, method, names), average(drawn, reference, names)
                if method in ("base", reference) or ours is None or theirs is None:
                    continue
                trained = [_seeds(values[one], names) for one in (method, reference) if one != "base"]
                found.append(
                    Comparison(
                        method=method,
                        reference=reference,
                        measure=measure,
                        difference=contrast(ours - theirs, confidence, trained),
                        rows=sum(values[method][name].shape[-1] for name in names),
                        seeds=trained[0],
                    )
                )
    correct_columns(found)
    order = list(drawn)
    return sorted(found, key=lambda c: (order.index(c.reference), order.index(c.method)))


def correct_columns(found: Sequence[Comparison]) -> None:
    """Holm's correction within each measure and reference: a column of the table of comparisons."""
    columns: dict[tuple[Measure, str], list[Comparison]] = {}
    for one in found:
        columns.setdefault((one.measure, one.reference), []).append(one)
    for of in columns.values():
        corrected(one.difference for one in of)


def table_1(benchmarks: Mapping[str, Sequence[str]]) -> list[Compared]:
    """Downstream and general accuracy, each against the base and against SFT."""
    return [
        ("MathAvg", benchmarks.get("math", ()), ("base", "sft")),
        ("GeneralAvg", benchmarks.get("general", ()), ("base", "sft")),
    ]


def average(drawn: Drawn, method: str, names: Sequence[str]) -> Vector | None:
    """The unweighted mean over benchmarks, in every replicate; None where one is missing."""
    by_name = drawn.get(method, {})
    if not names or any(name not in by_name for name in names):
        return None
    return np.mean([by_name[name] for name in names], axis=0)


def _seeds(values: Mapping[str, Matrix], names: Sequence[str]) -> int:
    return min(len(np.atleast_2d(values[name])) for name in names)


def _percent(value: Vector | None, base: Vector | None, sign: int) -> Vector | None:
    """sign × (value − base) / base × 100; None where the base's own average is 0."""
    if value is None or base is None or base[0] == 0:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return sign * (value - base) / base * 100


def _estimate(values: Vector | None, confidence: float) -> Estimate | None:
    return None if values is None else percentile(values, confidence)
