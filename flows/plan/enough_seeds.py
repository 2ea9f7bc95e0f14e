"""As many training seeds as show a difference in general accuracy: what `--seeds auto` stands for.

In:  a flow's parameters, 2.0 points
Out: Enough(seeds=7, said="7 seeds: with 29,984 general questions … differences of 2.0 points are found …")

More seeds narrow what seeds leave open, not what questions do: where the questions alone do not show the difference, no
number of seeds is enough, and none is chosen.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.form import experiments_of
from flows.plan.checks import CannotWork
from flows.plan.estimate import estimate
from flows.plan.plan import PlannedStage
from flows.plan.power import Power, power
from flows.plan.speed import Past
from flows.plan.start import machine, survey

POINTS = 2.0  # of general accuracy
FEWEST, MOST = 3, 16  # of two seeds nobody knows how far they lie apart


class NotEnough(ValueError):
    """No number of seeds shows the difference; says what the questions show."""


@dataclass(frozen=True)
class Enough:
    """How many seeds, and why."""

    seeds: int
    said: str


def enough_seeds(flow: Callable[..., Any], parameters: Mapping[str, Any], points: float) -> Enough:
    """The least number of seeds, of 3 to 16, with which a flow's questions show a difference of so many points.

    Raises:
        CannotWork: the flow cannot be planned.
        NotEnough: no number does, or nothing is fine-tuned.
    """
    here, first = machine(), dict(parameters) | {"seeds": [0]}
    experiments = experiments_of(first)
    walk, refused = survey(flow, first, experiments, here)
    if walk is None:
        raise CannotWork("\n".join(refused))
    past = Past(walk.home.manifests())
    stages = estimate(walk, past, here)
    if not any(one.kind == "finetune" for one in stages):
        raise NotEnough("nothing is fine-tuned, so no number of seeds shows a difference in accuracy")
    found = power(questions(stages), 1, walk.home, past.manifests, [one.backbone.name for one in experiments])
    return enough(next((one for one in found if one.group == "general"), found[0]), points)


def enough(of: Power, points: float) -> Enough:
    """The least number of seeds, of 3 to 16, with which a difference of so many points is found at 80 % power.

    Raises:
        NotEnough: the questions alone do not show it.
    """
    asked = f"{of.questions:,} {of.group} questions of {of.benchmarks} benchmark{'s' if of.benchmarks > 1 else ''}"
    if points <= of.of_questions:
        raise NotEnough(
            f"however many the seeds, {asked} show no less than {of.of_questions:.1f} points ({of.source}): "
            f"ask more questions, or for a larger difference than {points:g}"
        )
    numbers = range(FEWEST, MOST + 1)
    place = bisect_left(numbers, True, key=lambda seeds: of.with_seeds(seeds) <= points)
    why = {0: f" (no fewer than {FEWEST})", len(numbers): f" (at most; {points:g} points ask for more)"}.get(place, "")
    seeds = min(FEWEST + place, MOST)
    return Enough(
        seeds,
        f"{seeds} seeds{why}: with {asked} and seeds {of.between_seeds:.1f} points apart ({of.source}) differences of "
        f"{of.with_seeds(seeds):.1f} points are found at 80 % power. The store may choose otherwise once it holds more "
        f"models; to stay: --seeds {seeds}",
    )


def questions(stages: Sequence[PlannedStage]) -> dict[str, int]:
    """Of each benchmark how many are asked."""
    return {name: rows for one in stages if one.kind == "evaluate" for name, rows in one.rows_each.items()}
