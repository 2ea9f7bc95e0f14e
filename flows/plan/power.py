"""Which difference between two methods a study can show: at 80 % power, tested at 5 %, paired by question.

In:  benchmarks of 240, 240 and 240 questions, three seeds, discordance 0.1, 1 point between seeds
Out: Power(points=3.6, …): smaller differences will mostly drown

Two models answer the same questions. A question on which they agree says nothing; where they disagree with probability
psi, the mean difference over n questions has variance (psi - d^2) / n <= psi / n (McNemar). An average of B benchmarks
with equal weights has sum(psi_b / n_b) / B^2. Seeds are nested in methods: each method's mean over S of them adds
tau^2 / S. So the least difference that is found in 80 % of studies is (1.960 + 0.842) sqrt(sum(psi_b / n_b) / B^2 +
2 tau^2 / S); psi is not divided by S, for seeds answer the same questions alike (it errs on the side of caution).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, islice
from math import ceil, sqrt
from pathlib import Path
from statistics import NormalDist, mean, stdev

from tasks.evaluate.benchmark import benchmark
from tasks.rows.jsonl import read_rows
from tasks.runtime.store.names import asked_by, tags_of
from tasks.runtime.store.store import Manifest, Store

POWER, LEVEL = 0.8, 0.05
# Assumed where the store holds no two models' answers. Of nano's study: 0.05 to 0.15 between methods; seeds of one
# method 1 to 4 points apart (docs/nano_study.md).
DISCORDANCE, BETWEEN_SEEDS = 0.15, 0.02
MOST_PAIRS = 10  # pairs of models whose answers are read
FEWEST = 50  # questions from which a share of disagreement is taken; none in 50 counts as one in 52


@dataclass(frozen=True)
class Power:
    """The least difference in an average that is found at 80 % power, in points of accuracy."""

    group: str  # downstream or general
    questions: int
    benchmarks: int
    seeds: int
    points: float
    of_questions: float  # what it would be if seeds agreed
    discordance: float
    between_seeds: float  # standard deviation of the average over seeds, in points
    source: str

    def with_seeds(self, seeds: int) -> float:
        """The least difference with so many seeds, in points."""
        return sqrt(self.of_questions**2 + self._of_seeds / seeds)

    def seeds_for(self, points: float) -> int | None:
        """The least number of seeds with which so many points are found; None where the questions alone hide them."""
        left = points**2 - self.of_questions**2
        return max(1, ceil(self._of_seeds / left)) if left > 0 else None

    @property
    def _of_seeds(self) -> float:
        """What one seed adds to the square of the least difference."""
        return (self.points**2 - self.of_questions**2) * self.seeds


def least_difference(
    questions: Mapping[str, int], discordance: Mapping[str, float], between_seeds: float, seeds: int
) -> float:
    """The least difference of an average, as a share; of accuracies and standard deviation as shares."""
    factor = NormalDist().inv_cdf(1 - LEVEL / 2) + NormalDist().inv_cdf(POWER)
    of_questions = sum(discordance[name] / n for name, n in questions.items()) / len(questions) ** 2
    return factor * sqrt(of_questions + 2 * between_seeds**2 / seeds)


def power(questions: Mapping[str, int], seeds: int, home: Store, manifests: Iterable[Manifest]) -> list[Power]:
    """For the downstream and the general average.

    Args:
        questions: of each benchmark how many are asked.
        manifests: of the store, in which answers of earlier models are looked for.
    """
    groups: dict[str, dict[str, int]] = {}
    for name, count in questions.items():
        if count:
            groups.setdefault({"math": "downstream"}.get(its := benchmark(name).group, its), {})[name] = count
    earlier = [one for one in manifests if one.kind == "evaluate" and _whose(one)[0]]
    found = []
    for group, of in groups.items():
        scores = [one for one in earlier if one.metrics.get("benchmark") in of]
        apart = {name: _discordance(home, [one for one in scores if one.metrics["benchmark"] == name]) for name in of}
        spread = _between_seeds(scores, set(of))
        measured = [name for name, psi in apart.items() if psi is not None]
        psi = {name: DISCORDANCE if (one := apart[name]) is None else one for name in of}
        tau = BETWEEN_SEEDS if spread is None else spread
        assumed = [f"discordance {DISCORDANCE:.0%}"] * (len(measured) < len(of))
        assumed += [f"seeds {100 * BETWEEN_SEEDS:.0f} points apart"] * (spread is None)
        source = f"assumed: {', '.join(assumed)}" if assumed else "measured on earlier models of this store"
        found.append(
            Power(
                group=group,
                questions=sum(of.values()),
                benchmarks=len(of),
                seeds=seeds,
                points=100 * least_difference(of, psi, tau, seeds),
                of_questions=100 * least_difference(of, psi, 0.0, seeds),
                discordance=mean(psi.values()),
                between_seeds=100 * tau,
                source=source,
            )
        )
    return found


def _discordance(home: Store, scores: list[Manifest]) -> float | None:
    """Mean share of questions on which two methods' models at one rate disagree; None for fewer than two."""
    at_rate: dict[str, dict[str, Path]] = {}
    for one in scores:
        method, _, rate = _whose(one)
        if (path := home.path(one.key) / "answers.jsonl").exists():
            at_rate.setdefault(rate, {}).setdefault(method, path)

    @cache
    def answers(path: Path) -> dict[str, bool]:
        return {row["id"]: bool(row["correct"]) for row in read_rows(path)}

    shares = []
    pairs = (pair for paths in at_rate.values() for pair in combinations(paths.values(), 2))
    for a, b in (map(answers, pair) for pair in islice(pairs, MOST_PAIRS)):
        if len(shared := a.keys() & b.keys()) >= FEWEST:
            shares.append((1 + sum(a[key] != b[key] for key in shared)) / (2 + len(shared)))
    return mean(shares) if shares else None


def _between_seeds(scores: list[Manifest], names: set[str]) -> float | None:
    """Standard deviation of the average over a method's seeds at one rate, pooled over methods and rates; None where
    none has three seeds."""
    runs: dict[tuple[str, int | None, str], dict[str, float]] = {}
    for one in scores:
        runs.setdefault(_whose(one), {})[one.metrics["benchmark"]] = one.metrics["accuracy"]
    averages: dict[tuple[str, str], list[float]] = {}
    for (method, _, rate), by_name in runs.items():
        if set(by_name) == names:
            averages.setdefault((method, rate), []).append(mean(by_name.values()))
    variances = [stdev(values) ** 2 for values in averages.values() if len(values) >= 3]
    return sqrt(mean(variances)) if variances else None


def _whose(one: Manifest) -> tuple[str, int | None, str]:
    """("sft", 0, "rate 0.0008") of an artifact that the run of a stage called `evaluate (rate 0.0008, sft/0)` made."""
    tags = tags_of(one.run.get("task_run", ""))
    method, seed = asked_by(tags)
    return method, seed, ", ".join(tag for tag in tags if tag != f"{method}/{seed}")
