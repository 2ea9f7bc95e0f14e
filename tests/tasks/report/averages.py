"""The averages of Table 1 in plain Python, for tests to hold the report against.

In:  {"amc23": 0.225, "agieval_math": 0.3318, …, "mmlu": 0.5851, …} of a model and of its base
Out: Averages(math=0.2112, general=0.4357, overall=0.3234), Change(math_gain=11.75, general_drop=4.51)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class Averages:
    """MathAvg and GeneralAvg: plain means over benchmarks. OverallAvg = (MathAvg + GeneralAvg) / 2."""

    math: float
    general: float

    @property
    def overall(self) -> float:
        return (self.math + self.general) / 2


@dataclass(frozen=True)
class Change:
    """Against the base, in per cent. Math↑ = (M - M_base) / M_base x 100; Gen↓ = (G_base - G) / G_base x 100.

    None where the base scores 0 and the ratio has no value.
    """

    math_gain: float | None
    general_drop: float | None


def averages(accuracies: Mapping[str, float], math: Sequence[str], general: Sequence[str]) -> Averages:
    """Means of the accuracies of the `math` and of the `general` benchmarks. Raises KeyError where one is missing."""
    missing = [name for name in (*math, *general) if name not in accuracies]
    if missing:
        raise KeyError(f"no accuracy of {', '.join(missing)}: an average over fewer benchmarks would be another figure")
    return Averages(fmean(accuracies[name] for name in math), fmean(accuracies[name] for name in general))


def change(model: Averages, base: Averages) -> Change:
    """The model's Math↑ and Gen↓ against the base of its block."""
    return Change(
        (model.math - base.math) / base.math * 100 if base.math else None,
        (base.general - model.general) / base.general * 100 if base.general else None,
    )
