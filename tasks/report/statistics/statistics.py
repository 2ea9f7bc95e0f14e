"""Intervals: Wilson for a share, the bootstrap for averages over benchmarks and for differences between methods.

Comes in: per benchmark a 0/1 matrix `correct[seed, row]`, its columns the same rows for every method. Goes out: a
value with its interval, e.g. Estimate(value=0.41, low=0.38, high=0.44).

Rows (or the passages and subjects that they come in) are drawn once a replicate and shared by all methods and seeds
of it, so that differences are paired over rows and a row that is hard for everyone does not count as noise. Seeds are
nested in methods (seed 0 of one method has nothing to do with seed 0 of another) and few, and of few a bootstrap is
too sure: three drawn of three vary by a third less than three seeds do, and have no tails. So a replicate does not
draw seeds, it moves their mean: by s / sqrt(S) times a draw of Student's t with S - 1 degrees of freedom
(`seed_weights`). Where only seeds differ this is the interval of Behrens (1929) and Fisher (1935), which holds its
level however unequal the two spreads are; docs/evaluation.md has simulated rates. With a single seed the interval
holds the sampling of rows only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.report.schema.values import Contrast, Estimate, Proportion

Matrix = NDArray[np.float64]  # [seeds, rows]
Vector = NDArray[np.float64]
Drawn = dict[str, dict[str, Vector]]  # method -> benchmark -> accuracy in each replicate; index 0 is the data itself

Clusters = Mapping[str, Sequence[str]]  # benchmark -> the group of each row

_Of = tuple[str, str]  # method and benchmark

ROUNDING = 1e-12  # of shares, of nats a token
_CHUNK = 2**22  # cells of a block of row weights: 32 MB


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share; (0, 1) where n is 0. Raises ValueError unless 0 <= successes <= n."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: expected 0 <= successes <= n")
    if n == 0:
        return 0.0, 1.0
    from scipy import stats  # a second, at the start of every command

    interval = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    rate = successes / n  # rounding puts the bound beside 0 or 1 at the ends
    return max(0.0, min(float(interval.low), rate)), min(1.0, max(float(interval.high), rate))


def proportion(successes: int, n: int, confidence: float = 0.95) -> Proportion:
    """successes / n with its Wilson interval."""
    low, high = wilson(successes, n, confidence)
    return Proportion(rate=successes / n if n else 0.0, n=n, low=low, high=high)


def percentile(values: Vector, confidence: float = 0.95) -> Estimate:
    """values[0] is the estimate, the others its replicates: the percentile interval, widened to hold the estimate.

    Replicates that are not finite (a ratio to a base of 0) are left out; without any the interval is null.
    """
    point, replicates = float(values[0]), values[1:][np.isfinite(values[1:])]
    if not np.isfinite(point):
        raise ValueError("the estimate is not finite: give None instead of a ratio to zero")
    if replicates.size == 0:
        return Estimate(value=point)
    low, high = np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value=point, low=min(float(low), point), high=max(float(high), point))


def share(values: Vector, confidence: float = 0.95) -> Estimate:
    """`percentile` of a share, its ends kept within 0 and 1, which the tails of t leave.

    The replicates themselves stay as they are: bounded one benchmark at a time they would make differences too sure.
    """
    found = percentile(values, confidence)
    if found.low is None or found.high is None:
        return found
    return Estimate(
        value=found.value, low=max(found.low, min(0.0, found.value)), high=min(found.high, max(1.0, found.value))
    )


def mean_over_rows(values: Vector, confidence: float = 0.95, resamples: int = 2000, seed: int = 0) -> Estimate:
    """The mean of independent rows (an NLL, a length) with its percentile bootstrap interval. Raises on no rows."""
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"need finite values of at least one row, have {values.size}")
    point = float(values.mean())
    if np.ptp(values) == 0 or resamples == 0:
        return Estimate(value=point, low=point, high=point) if resamples else Estimate(value=point)
    from scipy import stats  # a second, at the start of every command

    result = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=max(1, _CHUNK // values.size),
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    interval = result.confidence_interval
    return Estimate(value=point, low=min(float(interval.low), point), high=max(float(interval.high), point))


def draw(
    correct: Mapping[str, Mapping[str, Matrix]],
    resamples: int = 2000,
    seed: int = 0,
    of: Callable[[str], str] = str,
    clusters: Clusters | None = None,
    rows_of: Callable[[str], str] = str,
    numbers: Mapping[str, Sequence[int]] | None = None,
) -> Drawn:
    """Accuracy of every method on every benchmark in `resamples` replicates; index 0 holds the data's own.

    Args:
        correct: method -> benchmark -> [seeds, rows]; a benchmark has the same rows everywhere.
        of: whose seeds a method's are. Seeds of one number move together in all that name the same one ("sft@0.0008",
            "sft@0.0012"): the agent that wrote seed 0's targets is the same at all rates.
        clusters: of benchmarks whose rows come in groups each row's group: a passage with its questions is drawn whole.
        rows_of: whose rows a benchmark's are. Two that name the same one (its accuracy, its pass@k) are drawn together.
        numbers: of each method the numbers of its seeds, in the order of its matrices' rows; without them 0, 1, ….

    Raises:
        ValueError: a benchmark has no rows, or another number of rows or seeds in another method.
    """
    random = np.random.default_rng(seed)
    benchmarks = sorted({name for by_name in correct.values() for name in by_name})
    seeds = {
        method: tuple((numbers or {}).get(method) or range(max(map(len, by_name.values()), default=0)))
        for method, by_name in correct.items()
    }
    # One move of the seeds a replicate and method, the same on all benchmarks: a seed is one trained model.
    moved = {
        unit: seed_weights(random, resamples, [its for method, its in seeds.items() if its and of(method) == unit])
        for unit in dict.fromkeys(of(method) for method, its in seeds.items() if its)
    }
    drawn: Drawn = {method: {} for method in correct}
    for asked in dict.fromkeys(map(rows_of, benchmarks)):
        present = {
            (method, name): np.atleast_2d(matrix)
            for method, by_name in correct.items()
            for name, matrix in by_name.items()
            if rows_of(name) == asked
        }
        rows = {matrix.shape[1] for matrix in present.values()}
        if len(rows) != 1 or 0 in rows:
            raise ValueError(f"benchmark {asked!r}: methods have {sorted(rows)} rows; join them by id first")
        labels = (clusters or {}).get(asked)
        for (method, name), accuracy in _row_bootstrap(random, present, resamples, labels).items():
            if (have := len(present[method, name])) != len(seeds[method]):
                raise ValueError(f"benchmark {name!r}: {method} has {have} of {len(seeds[method])} seeds")
            drawn[method][name] = (accuracy * moved[of(method)][seeds[method]]).sum(axis=1)
    return drawn


def seed_weights(
    random: np.random.Generator, resamples: int, points: Sequence[tuple[int, ...]]
) -> dict[tuple[int, ...], Matrix]:
    """Of each point's seeds, by number, [1 + resamples, n] weights, each row with the sum 1; row 0 is their plain mean.

    Whatever the seeds' values y are, their weighted mean is mean(y) + sd(y) / sqrt(n) · t, n − 1 degrees of freedom: a
    standard normal vector without its own mean, times y, is normal with variance (n − 1) sd(y)². The normals belong to
    the method's seeds, and each point takes those of its own. The chi² of a point with fewer seeds is a part of that of
    all N: their ratio is Beta((n − 1) / 2, (N − n) / 2).
    """
    everyone = sorted({seed for seeds in points for seed in seeds})
    count = len(everyone)
    if count > 1:
        normal = random.normal(size=(resamples, count))
        spread = random.chisquare(count - 1, size=(resamples, 1))
    weights: dict[tuple[int, ...], Matrix] = {}
    for seeds in dict.fromkeys(points):
        n = len(seeds)
        weights[seeds] = np.full((1 + resamples, n), 1 / n)
        if n > 1:
            own = np.take(normal, [everyone.index(seed) for seed in seeds], axis=1)
            part = random.beta((n - 1) / 2, (count - n) / 2, size=(resamples, 1)) if n < count else 1.0
            scale = np.sqrt(spread * part / (n - 1))
            weights[seeds][1:] += (own - own.mean(axis=1, keepdims=True)) / scale / np.sqrt(n * (n - 1))
    return weights


def _row_bootstrap(
    random: np.random.Generator, present: dict[_Of, Matrix], resamples: int, labels: Sequence[str] | None
) -> dict[_Of, Matrix]:
    """[1 + resamples, seeds] accuracies, the same rows drawn for all; with labels whole groups of rows."""
    rows = next(iter(present.values())).shape[1]
    groups, group = np.unique(np.arange(rows) if labels is None else np.array(labels), return_inverse=True)
    parts: dict[_Of, list[Matrix]] = {one: [matrix.mean(axis=1)[None]] for one, matrix in present.items()}
    block = max(1, _CHUNK // rows)
    for start in range(0, resamples, block):
        shares = _shares(random, min(block, resamples - start), len(groups))[:, group]
        shares /= shares.sum(axis=1, keepdims=True)
        for one, matrix in present.items():
            parts[one].append(shares @ matrix.T)
    return {one: np.concatenate(blocks) for one, blocks in parts.items()}


def _shares(random: np.random.Generator, resamples: int, n: int) -> Matrix:
    """[resamples, n]: the share of each of n units in a draw of n with replacement."""
    return random.multinomial(n, np.full(n, 1 / n), size=resamples) / n


def two_sided(differences: Vector) -> float:
    """The p-value that a difference is none: twice the smaller tail of its replicates, index 0 left out.

    One is added above and below, so that it is never less than the replicates can tell (Davison and Hinkley, 4.2).
    Rounding is no difference: models that answer every question alike have means apart by the last bit. A replicate
    without a figure (NaN: a curve that does not reach the level) is one of the tail: what it would say is not known.
    """
    replicates = np.asarray(differences)[1:]
    tail = min(int((replicates <= ROUNDING).sum()), int((replicates >= -ROUNDING).sum()))
    return float(min(1.0, 2 * (1 + tail + int(np.isnan(replicates).sum())) / (1 + len(replicates))))


def contrast(difference: Vector, confidence: float, seeds: Iterable[int]) -> Contrast:
    """The `percentile` of a difference, with its p-value if none of those that were trained has a single seed.

    Args:
        seeds: of each side that was trained; the backbone, as it is, is none.
    """
    found = percentile(difference, confidence)
    return Contrast(
        **dict(found), p=two_sided(difference) if found.low is not None and min(seeds, default=2) > 1 else None
    )


class HasP(Protocol):
    """A comparison with a p-value, or without one."""

    p: float | None
    holm: float | None


def corrected(family: Iterable[HasP]) -> None:
    """Give those of a family that have a p-value Holm's correction for their number."""
    having = [(one, one.p) for one in family if one.p is not None]
    for (one, _), value in zip(having, holm([p for _, p in having]), strict=True):
        one.holm = value


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, in the given order (Holm 1979): of m the k-th smallest times m − k + 1."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    adjusted, least = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = least
    return adjusted
