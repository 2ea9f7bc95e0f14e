"""Which difference between two methods a study can show: at 80 % power, tested at 5 %, paired by question.

In:  benchmarks of 240, 240 and 240 questions, three seeds, discordance 0.1, 1 point between seeds
Out: Power(points=3.6, …): smaller differences will mostly drown

Two models answer the same questions. A question on which they agree says nothing; where they disagree with probability
psi, the mean difference over n questions has variance (psi - d^2) / n <= psi / n (McNemar). An average of B benchmarks
with equal weights has sum(psi_b / n_b) / B^2; psi is not divided by S, for seeds answer the same questions alike (it
errs on the side of caution). Seeds are nested in methods: each method's mean over S of them adds tau^2 / S.

If tau were known, (1.960 + 0.842) sqrt(sum(psi_b / n_b) / B^2 + 2 tau^2 / S) would be found in 80 % of studies. It is
not: the report moves each method's mean by s / sqrt(S) times Student's t with S - 1 degrees of freedom
(tasks/report/statistics/statistics.py), and of few seeds t is wide and s uncertain. So studies are simulated, each with
the spreads s that its own seeds happen to have and the difference from which the report would call it one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations, islice
from math import sqrt
from pathlib import Path
from statistics import NormalDist, mean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.evaluate.benchmark import benchmark
from tasks.rows.jsonl import read_rows
from tasks.runtime.store.names import asked_by, backbone_name, fitting, tags_of
from tasks.runtime.store.store import Manifest, Store

POWER, LEVEL = 0.8, 0.05
# Assumed where the store holds no two models' answers. Of nano's study: 0.05 to 0.15 between methods; seeds of one
# method 1 to 4 points apart (docs/nano_study.md).
DISCORDANCE, BETWEEN_SEEDS = 0.15, 0.02
MOST_PAIRS = 10  # pairs of models whose answers are read
KNOWN = NormalDist().inv_cdf(1 - LEVEL / 2) + NormalDist().inv_cdf(POWER)  # standard errors, if they were known
STUDIES, REPLICATES, FINE = 2000, 2000, 50  # simulated; the least difference is right within some 2 %
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
        return _least(self.of_questions / KNOWN, self.between_seeds, seeds)


def least_difference(
    questions: Mapping[str, int], discordance: Mapping[str, float], between_seeds: float, seeds: int
) -> float:
    """The least difference of an average, as a share; of accuracies and standard deviation as shares."""
    of_questions = sum(discordance[name] / n for name, n in questions.items()) / len(questions) ** 2
    return _least(sqrt(of_questions), between_seeds, seeds)


def _least(of_questions: float, between_seeds: float, seeds: int, level: float = LEVEL) -> float:
    """The least difference that is found in 80 % of studies, by the standard error that the questions leave and the
    standard deviation between seeds. With one seed nothing tells how far others lie: as if it were known."""
    error = sqrt(of_questions**2 + 2 * between_seeds**2 / seeds)
    if seeds == 1 or between_seeds == 0:
        return KNOWN * error
    random, per_seed = np.random.default_rng(0), between_seeds / sqrt(seeds)

    def even(draw: Callable[..., Any], n: int) -> NDArray[np.float64]:
        """As drawn, but in even steps: every FINE-th by size, in any order, so that chance has little part in it."""
        return np.asarray(random.permutation(np.sort(draw(size=n * FINE))[FINE // 2 :: FINE]))

    chi2, t = partial(random.chisquare, seeds - 1), partial(random.standard_t, seeds - 1)
    spreads = per_seed * np.sqrt(np.stack([even(chi2, STUDIES) for _ in range(2)], axis=1) / (seeds - 1))
    moves = np.stack([even(t, REPLICATES) for _ in range(2)])
    replicates = of_questions * _normals(REPLICATES) + spreads @ moves
    called = np.quantile(np.abs(replicates), 1 - level, axis=1)  # from which difference on each study calls it one
    return float(np.quantile(called - error * _normals(STUDIES), POWER))


@cache
def _normals(n: int) -> NDArray[np.float64]:
    """A standard normal sample in even steps."""
    return np.array([NormalDist().inv_cdf((place + 0.5) / n) for place in range(n)])


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
