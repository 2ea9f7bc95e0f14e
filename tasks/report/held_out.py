"""How well the agent rewrites rows that no agent was trained on, beside the untrained rewriter (pi_0, the template).

In:  a folder of `measure`: samples.jsonl, K rows an id: {"id", "passed", "nll", "tokens", "expert_tokens", …}
Out: HeldOut of both rewriters, and their differences, paired over rows, with the agent's training seeds nested

Per row first: its pass rate over the K candidates, the mean NLL of those that pass. NLL is compared on rows where
every rewriter has a passing candidate, so that the harder rows that only one of them masters do not count against it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from tasks.jsonl import read_rows
from tasks.report.data import Comparison, HeldOut, Measure
from tasks.report.statistics import Matrix, draw, percentile

FILE = "samples.jsonl"
UNTRAINED = "untrained"
_MEASURES: tuple[tuple[Measure, str], ...] = (
    ("held-out pass rate", "pass_rate"),
    ("held-out NLL", "nll"),
    ("held-out D(S+)", "diversity"),
)


@dataclass
class _Rewriter:
    """One rewriter's figures by row id, and lengths over all passing candidates (tokens)."""

    figures: dict[str, dict[str, float]]  # pass_rate, nll, diversity -> row id -> value
    lengths: list[int]
    expert_lengths: list[int]
    candidates: int


def held_out(
    untrained: Sequence[Path], trained: Mapping[str, Sequence[Path]], confidence: float, resamples: int, seed: int
) -> tuple[list[HeldOut], list[Comparison]]:
    """Every rewriter's figures and how each method's agents differ from the untrained rewriter.

    Args:
        untrained: folders of pi_0's own measure; the same artifact may be named once a run.
        trained: by method, a folder each training seed.
    """
    read = {UNTRAINED: [_read(folder) for folder in dict.fromkeys(untrained)]}
    read |= {method: [_read(folder) for folder in folders] for method, folders in trained.items()}
    read = {method: rewriters for method, rewriters in read.items() if rewriters}
    values: dict[str, dict[str, Matrix]] = {method: {} for method in read}
    for _, name in _MEASURES:
        found = [(method, one.figures[name]) for method, rewriters in read.items() for one in rewriters]
        shared = sorted(set.intersection(*(set(by_id) for _, by_id in found))) if found else []
        if shared:
            for method in read:
                values[method][name] = np.array([[by_id[i] for i in shared] for m, by_id in found if m == method])
    drawn = draw(values, resamples, seed)
    rewriters = []
    for method, ones in read.items():
        estimates = {name: percentile(drawn[method][name], confidence) for name in drawn[method]}
        if "pass_rate" not in estimates:
            continue
        rewriters.append(
            HeldOut(
                rewriter=method,
                seeds=len(ones),
                rows=values[method]["pass_rate"].shape[1],
                candidates=max(one.candidates for one in ones),
                pass_rate=estimates["pass_rate"],
                nll_passing=estimates.get("nll"),
                nll_rows=values[method]["nll"].shape[1] if "nll" in values[method] else 0,
                diversity=estimates.get("diversity"),
                diversity_rows=values[method]["diversity"].shape[1] if "diversity" in values[method] else 0,
                length=_median([length for one in ones for length in one.lengths]),
                expert_length=_median([length for one in ones for length in one.expert_lengths]),
            )
        )
    differences = [
        Comparison(
            method=method,
            reference=UNTRAINED,
            measure=measure,
            difference=percentile(drawn[method][name] - drawn[UNTRAINED][name], confidence),
            rows=values[method][name].shape[1],
            seeds=len(read[method]),
        )
        for method in read
        if method != UNTRAINED and UNTRAINED in read
        for measure, name in _MEASURES
        if name in values[method]
    ]
    return rewriters, differences


def direct_nll(untrained: Sequence[Path]) -> list[float]:
    """NLL of the untrained rewriter's passing rewrites, a mean a row (nats per token)."""
    return list(_read(untrained[0]).figures["nll"].values()) if untrained else []


def _read(folder: Path) -> _Rewriter:
    by_id: dict[str, list[dict]] = {}
    for row in read_rows(folder / FILE, ["id", "passed"]):
        by_id.setdefault(row["id"], []).append(row)
    passing = {key: [row for row in rows if row["passed"] is True] for key, rows in by_id.items()}
    # A candidate without a verdict is no failure: it is left out of its row's rate.
    judged = {key: [row for row in rows if row["passed"] is not None] for key, rows in by_id.items()}
    nll = {key: [row["nll"] for row in rows if row.get("nll") is not None] for key, rows in passing.items()}
    spread = {key: rows[0].get("diversity") for key, rows in by_id.items()}
    return _Rewriter(
        figures={
            "pass_rate": {key: len(passing[key]) / len(rows) for key, rows in judged.items() if rows},
            "nll": {key: float(np.mean(values)) for key, values in nll.items() if values},
            "diversity": {key: float(value) for key, value in spread.items() if value is not None},
        },
        lengths=[row["tokens"] for rows in passing.values() for row in rows if "tokens" in row],
        expert_lengths=[rows[0]["expert_tokens"] for rows in by_id.values() if "expert_tokens" in rows[0]],
        candidates=max((len(rows) for rows in by_id.values()), default=0),
    )


def _median(values: Sequence[int]) -> float | None:
    return float(median(values)) if values else None
