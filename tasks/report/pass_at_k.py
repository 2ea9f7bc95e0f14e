"""pass@k of every method whose models were sampled, beside the base's and SFT's.

In:  by method, each seed's samples: {"gsm8k": Sampled(temperature=0.8, right={"gsm8k/7": (16, 3), …})}
Out: PassAtK(method="sft", group="math", benchmark="gsm8k", figures={1: 0.41 (0.38 to 0.44), …}, …), …
"""

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from tasks.evaluate.pass_at_k import depths, pass_at_k
from tasks.report.artifacts import Sampled
from tasks.report.joined import ReportError
from tasks.report.pass_at_k_data import Group, PassAtK
from tasks.report.statistics import Clusters, Drawn, Matrix, Vector, draw, percentile, share
from tasks.report.values import Estimate

Samples = Mapping[str, Sampled]  # by benchmark


def passes(
    runs: Mapping[str, Sequence[Samples]],
    groups: Mapping[Group, Sequence[str]],
    confidence: float,
    resamples: int,
    seed: int = 0,
    clusters: Clusters | None = None,
) -> list[PassAtK]:
    """A row a method and benchmark, downstream first; before a group's benchmarks, where it has several, their mean.

    Args:
        runs: by method the samples of each seed; methods without any are left out.
        groups: which benchmark counts where.
        clusters: by benchmark the group of each question in the order of the ids.

    Raises:
        ReportError: runs were sampled at different temperatures, or asked other questions.
    """
    runs = {method: of_seeds for method, of_seeds in runs.items() if any(of_seeds)}
    everyone = [one for of_seeds in runs.values() for one in of_seeds]
    names, n, temperature = alike(everyone)
    if not names:
        return []
    drawn = {
        k: draw(
            {m: {name: passing(of_seeds, name, k) for name in names} for m, of_seeds in runs.items()},
            resamples,
            seed,
            clusters=clusters,
        )
        for k in depths(n)
    }
    sizes = {name: len(everyone[0][name].right) for name in names}
    return [
        PassAtK(
            method=method,
            group=group,
            benchmark=shown[0] if len(shown) == 1 else None,
            questions=sum(sizes[name] for name in shown),
            seeds=len(of_seeds),
            samples=n,
            temperature=temperature,
            figures={k: share(_mean(of, method, shown), confidence) for k, of in drawn.items()},
            against_base=_against("base", method, shown, drawn, confidence),
            against_sft=_against("sft", method, shown, drawn, confidence),
        )
        for group in get_args(Group)
        if (own := [name for name in names if name in groups.get(group, ())])
        for shown in ([own] if len(own) > 1 else []) + [[name] for name in own]
        for method, of_seeds in runs.items()
    ]


def alike(everyone: Sequence[Samples]) -> tuple[list[str], int, float]:
    """The benchmarks on which all were sampled, how many answers to a question, and at which temperature.

    Raises:
        ReportError: they were sampled at different temperatures, or asked other questions.
    """
    names = [name for name in (everyone[0] if everyone else {}) if all(name in one for one in everyone)]
    temperatures = {one[name].temperature for one in everyone for name in names}
    if len(temperatures) > 1:
        raise ReportError(f"pass@k: runs were sampled at temperatures {sorted(temperatures)}; compare those of one")
    for name in names:
        if len({tuple(sorted(one[name].right)) for one in everyone}) > 1:
            raise ReportError(f"pass@k of {name}: runs were asked different questions")
    asked = [asked for one in everyone for name in names for asked, _ in one[name].right.values()]
    return names, min(asked, default=0), max(temperatures, default=0.0)


def passing(of_seeds: Sequence[Samples], name: str, k: int) -> Matrix:
    """[seeds, questions] of pass@k."""
    return np.array(
        [[pass_at_k(*counted, k) for _, counted in sorted(one[name].right.items())] for one in of_seeds], dtype=float
    )


def _mean(drawn: Drawn, method: str, names: Sequence[str]) -> Vector:
    return np.mean([drawn[method][name] for name in names], axis=0)


def _against(
    reference: str, method: str, names: Sequence[str], drawn: Mapping[int, Drawn], confidence: float
) -> dict[int, Estimate]:
    if method in ("base", reference) or any(reference not in of for of in drawn.values()):
        return {}
    return {
        k: percentile(_mean(of, method, names) - _mean(of, reference, names), confidence) for k, of in drawn.items()
    }
