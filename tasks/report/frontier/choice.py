"""By what a method's rate and strength are chosen: accuracy on validation rows that no benchmark holds, or, where there
are none, on one half of the downstream questions, told on the other half, both ways round.

In:  curves; {"sft": {None: {0.0008: 0.61, …}}}, the validation accuracy of each point; or the curves of both halves
Out: [Choice(by={"sft": {None: [0.61, 0.64]}}, told=curves)], one by validation, two crossed

The choice is made in the data, not anew in each replicate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.report.frontier.curves import Curves, Strength

ByRate = Mapping[Strength, Sequence[float]]  # downstream accuracy at each rate of a method's curves
Validated = Mapping[str, Mapping[Strength, Mapping[float, float]]]  # by method, strength and rate


@dataclass(frozen=True)
class Choice:
    """`by`: what chooses, by method; `told`: the curves on which what was chosen is told, their outcome of all
    questions or texts unless it is of the downstream questions that choose."""

    by: Mapping[str, ByRate]
    told: Curves

    def best(self, method: str) -> tuple[Strength, int]:
        """The strength, and which of its rates."""
        return best(self.by[method])


def best(of: ByRate) -> tuple[Strength, int]:
    """At which strength and which of its rates the accuracy is the highest; of equals the lowest strength, and its
    lowest rate."""
    found = [(strength, max(range(len(one)), key=one.__getitem__)) for strength, one in of.items()]
    return max(found, key=lambda one: of[one[0]][one[1]])


def crossed(halves: tuple[Curves, Curves]) -> list[Choice]:
    """Each half chooses, and the other tells."""
    first, second = halves
    return [Choice(_gained(first), second), Choice(_gained(second), first)]


def by_validation(curves: Curves, accuracy: Validated) -> list[Choice]:
    """The validation rows choose, and all questions tell."""
    by = {
        method: {strength: [accuracy[method][strength][rate] for rate in one.rates] for strength, one in of.items()}
        for method, of in curves.items()
    }
    return [Choice(by, curves)]


def _gained(curves: Curves) -> dict[str, ByRate]:
    return {
        method: {strength: one.math[1:, 0].tolist() for strength, one in of.items()} for method, of in curves.items()
    }
