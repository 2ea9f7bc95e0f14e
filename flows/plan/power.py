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
from itertools import combinations
from math import ceil, sqrt
from pathlib import Path
from statistics import NormalDist, mean, stdev

from tasks.evaluate.benchmark import benchmark
from tasks.rows.jsonl import read_rows
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
    earlier = [one for one in manifests if one.kind == "evaluate" and one.run.get("task_run", "").count("/")]
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
    """Mean share of questions on which two models of different methods disagree; None for fewer than two."""
    methods: dict[str, Manifest] = {}
    for one in scores:
        methods.setdefault(method_of(one)[0], one)
    answers = {
        name: {row["id"]: bool(row["correct"]) for row in read_rows(path)}
        for name, one in methods.items()
        if (path := _answers(home, one)).exists()
    }
    shares = []
    for a, b in list(combinations(answers.values(), 2))[:MOST_PAIRS]:
        if len(shared := a.keys() & b.keys()) >= FEWEST:
            shares.append((1 + sum(a[key] != b[key] for key in shared)) / (2 + len(shared)))
    return mean(shares) if shares else None


def _answers(home: Store, one: Manifest) -> Path:
    return home.path(one.key) / "answers.jsonl"


def _between_seeds(scores: list[Manifest], names: set[str]) -> float | None:
    """Standard deviation of the average over a method's seeds, pooled over methods; None for fewer than three seeds."""
    runs: dict[tuple[str, str], dict[str, float]] = {}
    for one in scores:
        runs.setdefault(method_of(one), {})[one.metrics["benchmark"]] = one.metrics["accuracy"]
    averages: dict[str, list[float]] = {}
    for (method, _), by_name in runs.items():
        if set(by_name) == names:
            averages.setdefault(method, []).append(mean(by_name.values()))
    variances = [stdev(values) ** 2 for values in averages.values() if len(values) >= 3]
    return sqrt(mean(variances)) if variances else None


def method_of(one: Manifest) -> tuple[str, str]:
    """("sft", "0") of an artifact that the run of a stage called `evaluate (sft/0)` made."""
    asked = one.run.get("task_run", "").rpartition("(")[2].strip(")")
    method, _, seed = asked.partition("/")
    return method, seed
