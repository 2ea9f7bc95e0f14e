"""What was measured, joined over runs, as replicates are drawn of it and curves are made.

In:  what was measured of the base, and by rate and run ("sft/0") of the models (measured.py)
Out: Joined: "sft@0.0008" -> benchmark, thermometer or pass@n -> [seeds, rows], and what these rows are
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tasks.evaluate.benchmark import benchmark
from tasks.report.computed.drift import text_groups
from tasks.report.frontier.curves import Curve, Curves, Strength, at, curve, strengths_in, whose_seeds, without_rate
from tasks.report.frontier.data import GENERAL, GENERAL_PASSES, PASSES, RISES, Outcome
from tasks.report.frontier.matrices import (
    FrontierError,
    Matrices,
    half,
    half_of,
    of_answers,
    of_rises,
    of_samples,
    seed_numbers,
)
from tasks.report.frontier.measured import Measured
from tasks.report.reading.artifacts import labels
from tasks.report.statistics.statistics import Drawn, draw


@dataclass(frozen=True)
class Joined:
    """Every run's values. A column is a benchmark, a thermometer, or the pass@n of a benchmark."""

    correct: Matrices  # by method at a rate, or "base", and column: [seeds, rows]
    ids: Mapping[str, list[str]]  # the rows of each column of questions
    texts: Mapping[str, list[str]]  # and of each thermometer
    sampled: Mapping[str, str]  # a column of pass@n -> the benchmark whose questions it has
    samples: int  # n
    groups: dict[str, list[str]]  # math and general -> benchmarks
    rates: list[float]
    methods: Mapping[str, Mapping[Strength, str]]  # a method's strengths, and how it is called at each
    numbers: Mapping[str, list[int]]  # of the seeds of a method at a rate, in the order of the matrices' rows
    clusters: Mapping[str, Mapping[str, str]]  # column -> row id -> passage or subject, drawn together

    def outcomes(self, compared: Collection[str]) -> dict[Outcome, list[str]]:
        """The outcomes that each of the `compared` has at a rate, with their columns."""
        columns: dict[Outcome, list[str]] = {
            GENERAL: self.groups["general"],
            PASSES: self._sampled_of("math"),
            GENERAL_PASSES: self._sampled_of("general"),
            **{one: [one] for one in RISES},
        }

        def has(who: str, names: list[str]) -> bool:
            return any(all(name in self.correct.get(at(who, rate), ()) for name in names) for rate in self.rates)

        return {one: names for one, names in columns.items() if names and all(has(who, names) for who in compared)}

    def draw(self, resamples: int, seed: int) -> Drawn:
        """Replicates of all questions and texts."""
        return self._drawn(self.correct, self.ids, resamples, seed)

    def draw_half(self, number: int, whole: Drawn, resamples: int, seed: int) -> Drawn:
        """Half 0's or 1's downstream accuracies and pass@n; all else, which chooses nothing, as in `whole`."""
        chosen = half_of(self.ids, number)
        told = self._drawn(half(self.correct, self.ids, chosen), chosen, resamples, seed)
        chooses = {*self.groups["math"], *self._sampled_of("math")}
        return {who: of | {name: told[who][name] for name in of.keys() & chooses} for who, of in whole.items()}

    def _sampled_of(self, group: str) -> list[str]:
        """The columns of pass@n of a group's benchmarks."""
        return [of for of, name in self.sampled.items() if name in self.groups[group]]

    def _drawn(self, correct: Matrices, ids: Mapping[str, list[str]], resamples: int, seed: int) -> Drawn:
        groups = labels({**ids, **self.texts}, self.clusters)
        return draw(
            correct, resamples, seed, whose_seeds, groups, lambda name: self.sampled.get(name, name), self.numbers
        )

    def curves(self, drawn: Drawn, columns: list[str]) -> Curves:
        """By method and strength its curve over the rates at which it has the outcome of these columns."""
        found: dict[str, dict[Strength, Curve]] = {}
        seeds = {name: len(of) for name, of in self.numbers.items()}
        for method, names in self.methods.items():
            for strength, name in names.items():
                if (one := curve(drawn, name, self.rates, self.groups["math"], columns, seeds)).rates:
                    found.setdefault(method, {})[strength] = one
        return found


def join(measured: Measured) -> Joined:
    """All of it.

    Raises:
        FrontierError: fewer than two rates, no downstream or no general benchmark, or runs that were asked other
            questions than the base.
        ReportError: runs were sampled at different temperatures.
    """
    base, runs = measured.base.correct, measured.each(lambda run: run.correct)
    if len(runs) < 2:
        raise FrontierError(f"a frontier needs runs at two learning rates or more, have {sorted(runs)}")
    ids = {name: sorted(by_id) for name, by_id in base.items()}
    groups = {group: [name for name in ids if benchmark(name).group == group] for group in ("math", "general")}
    if not all(groups.values()):
        raise FrontierError(f"it needs a downstream and a general benchmark, have {sorted(ids)}")
    correct = of_answers(base, runs)
    numbers = seed_numbers(runs)
    seeds = {name: len(of) for name, of in numbers.items()}
    rising, texts = of_rises(measured.each(lambda run: run.rises), seeds)
    passing, sampled, samples = of_samples(measured.base.samples, measured.each(lambda run: run.samples), seeds)
    for name, of in (*rising.items(), *passing.items()):
        correct[name] |= of
    clusters = measured.clusters
    return Joined(
        correct=correct,
        ids=ids | {of: ids[name] for of, name in sampled.items()},
        texts=texts,
        sampled=sampled,
        samples=samples,
        groups=groups,
        rates=sorted(runs),
        methods=strengths_in(without_rate(name) for name in correct if name != "base"),
        numbers=numbers,
        clusters={**clusters, **dict.fromkeys(texts, text_groups(clusters))},
    )
