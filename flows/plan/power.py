"""Which difference between two methods a study can show: at 80 % power, tested at 5 %, paired by question.

In:  benchmarks of 240, 240 and 240 questions, three seeds, discordance 0.1, 1 point between seeds
Out: Power(points=3.6, …): smaller differences will mostly drown

Two models answer the same questions. A question on which they agree says nothing; where they disagree with probability
psi, the mean difference over n questions has variance (psi - d^2) / n <= psi / n (McNemar). An average of B benchmarks
with equal weights has sum(psi_b / n_b) / B^2. Seeds are nested in methods: each method's mean over S of them adds
tau^2 / S. So the least difference that is found in 80 % of studies is (1.960 + 0.842) sqrt(sum(psi_b / n_b) / B^2 +
2 tau^2 / S); psi is not divided by S, for seeds answer the same questions alike (it errs on the side of caution).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, islice
from math import ceil, sqrt
from pathlib import Path
from statistics import NormalDist, mean, stdev

from tasks.evaluate.benchmark import benchmark
from tasks.rows.jsonl import read_rows
from tasks.runtime.store.names import asked_by, backbone_name, fitting, tags_of
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


def power(
    questions: Mapping[str, int],
    seeds: int,
    home: Store,
    manifests: Iterable[Manifest],
    backbones: Collection[str] = (),
) -> list[Power]:
    """For the downstream and the general average.

    Args:
        questions: of each benchmark how many are asked.
        manifests: of the store, the last made first, in which answers of earlier models to as many questions are
            looked for.
        backbones: whose models these are; a model of which the store does not tell the backbone counts.
    """
    groups: dict[str, dict[str, int]] = {}
    for name, count in questions.items():
        if count:
            groups.setdefault({"math": "downstream"}.get(its := benchmark(name).group, its), {})[name] = count
    asked = [(name, count) for of in groups.values() for name, count in of.items()]
    earlier = [one for one in _models(manifests, backbones) if _asked(one.scores) in asked]
    found = []
    for group, of in groups.items():
        scores = [one for one in earlier if one.benchmark in of]
        apart = {name: _discordance(home, [one for one in scores if one.benchmark == name]) for name in of}
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


@dataclass(frozen=True)
class _Model:
    """A model's scores on one benchmark, and what stands for it among others."""

    scores: Manifest
    backbone: str
    method: str
    seed: int | None
    rate: str

    @property
    def benchmark(self) -> str:
        return str(self.scores.metrics["benchmark"])


def _models(manifests: Iterable[Manifest], backbones: Collection[str]) -> list[_Model]:
    """The trained models of these backbones that were evaluated, the newest first."""
    by_key = {one.key: one for one in manifests}
    ours, found = {"", *map(fitting, backbones)}, []
    for one in by_key.values():
        method, seed, rate = _whose(one)
        if one.kind == "evaluate" and method:
            of = backbone_name(one, by_key.get)
            if not backbones or fitting(of) in ours:
                found.append(_Model(one, of, method, seed, rate))
    return found


def _asked(scores: Manifest) -> tuple[str | None, int | None]:
    """Which benchmark, and how many of its questions: under another limit it is another measurement."""
    return scores.metrics.get("benchmark"), scores.metrics.get("n")


def _discordance(home: Store, scores: list[_Model]) -> float | None:
    """Mean share of questions on which two methods' models of one backbone at one rate disagree, of each method the
    newest; None for fewer than two."""
    at_rate: dict[tuple[str, str], dict[str, Path]] = {}
    for one in scores:
        if (path := home.path(one.scores.key) / "answers.jsonl").exists():
            at_rate.setdefault((one.backbone, one.rate), {}).setdefault(one.method, path)

    @cache
    def answers(path: Path) -> dict[str, bool]:
        return {row["id"]: bool(row["correct"]) for row in read_rows(path)}

    shares = []
    pairs = (pair for paths in at_rate.values() for pair in combinations(paths.values(), 2))
    for a, b in (map(answers, pair) for pair in islice(pairs, MOST_PAIRS)):
        if len(shared := a.keys() & b.keys()) >= FEWEST:
            shares.append((1 + sum(a[key] != b[key] for key in shared)) / (2 + len(shared)))
    return mean(shares) if shares else None


def _between_seeds(scores: list[_Model], names: set[str]) -> float | None:
    """Standard deviation of the average over a method's seeds at one rate, of each seed the newest model's, pooled over
    backbones, methods and rates; None where none has three seeds."""
    runs: dict[tuple[str, str, str], dict[int | None, dict[str, float]]] = {}
    for one in scores:
        of_seed = runs.setdefault((one.backbone, one.method, one.rate), {}).setdefault(one.seed, {})
        of_seed.setdefault(one.benchmark, one.scores.metrics["accuracy"])
    averages = (
        [mean(by_name.values()) for by_name in of_seeds.values() if by_name.keys() == names]
        for of_seeds in runs.values()
    )
    variances = [stdev(values) ** 2 for values in averages if len(values) >= 3]
    return sqrt(mean(variances)) if variances else None


def _whose(one: Manifest) -> tuple[str, int | None, str]:
    """("sft", 0, "rate 0.0008") of an artifact that the run of a stage called `evaluate (rate 0.0008, sft/0)` made."""
    tags = tags_of(one.run.get("task_run", ""))
    method, seed = asked_by(tags)
    return method, seed, ", ".join(tag for tag in tags if tag != f"{method}/{seed}")
