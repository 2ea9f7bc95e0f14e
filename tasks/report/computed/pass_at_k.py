"""pass@k of every method whose models were sampled, beside the base's and SFT's.

In:  by method, each seed's samples: {"gsm8k": Sampled(temperature=0.8, right={"gsm8k/7": (16, 3), …})}
Out: PassAtK(method="sft", group="math", benchmark="gsm8k", figures={1: 0.41 (0.38 to 0.44), …}, …), …
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import get_args

import numpy as np

from tasks.evaluate.pass_at_k import depths, pass_at_k
from tasks.report.computed.joined import ReportError
from tasks.report.reading.artifacts import Sampled
from tasks.report.schema.pass_at_k_data import Group, PassAtK
from tasks.report.schema.values import Contrast
from tasks.report.statistics.statistics import Clusters, Drawn, Matrix, Vector, contrast, corrected, draw, share

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
        runs: by method the samples of each seed; a method of which one seed has none is left out.
        groups: which benchmark counts where.
        clusters: by benchmark the group of each question in the order of the ids.

    Raises:
        ReportError: runs were sampled at different temperatures, or asked other questions.
    """
    runs = {method: of_seeds for method, of_seeds in runs.items() if of_seeds and all(of_seeds)}
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
    seeds = {method: len(of_seeds) for method, of_seeds in runs.items()}
    rows = [
        PassAtK(
            method=method,
            group=group,
            benchmark=shown[0] if len(shown) == 1 else None,
            questions=sum(sizes[name] for name in shown),
            seeds=len(of_seeds),
            samples=n,
            temperature=temperature,
            figures={k: share(_mean(of, method, shown), confidence) for k, of in drawn.items()},
            against_base=_against("base", method, shown, drawn, seeds, confidence),
            against_sft=_against("sft", method, shown, drawn, seeds, confidence),
        )
        for group in get_args(Group)
        if (own := [name for name in names if name in groups.get(group, ())])
        for shown in ([own] if len(own) > 1 else []) + [[name] for name in own]
        for method, of_seeds in runs.items()
    ]
    for _, of in groupby(rows, lambda row: (row.group, row.benchmark)):
        told = list(of)
        for k in depths(n):
            corrected(row.against_base[k] for row in told if row.against_base)
            corrected(row.against_sft[k] for row in told if row.against_sft)
    return rows


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
    reference: str,
    method: str,
    names: Sequence[str],
    drawn: Mapping[int, Drawn],
    seeds: Mapping[str, int],
    confidence: float,
) -> dict[int, Contrast]:
    if method in ("base", reference) or any(reference not in of for of in drawn.values()):
        return {}
    both = [seeds[one] for one in (method, reference) if one != "base"]
    return {
        k: contrast(_mean(of, method, names) - _mean(of, reference, names), confidence, both) for k, of in drawn.items()
    }
