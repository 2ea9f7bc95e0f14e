"""How well the agent rewrites rows that no agent was trained on, beside the untrained rewriter (pi_0, the template).

In:  folders of `measure` (tasks/measure/measure.py): rows.jsonl {"id", "candidates": 10, "passed": 7, "nll": 0.31,
     "diversity": 0.12, "length": 31.4, "expert_nll": 2.4, "expert_length": 44, …} and
     rewrites.jsonl {"id", "text", "passed", "nll", …}
Out: HeldOut of both rewriters, and their differences, paired over rows, with the agent's training seeds nested

NLL and length (a row's means over its passing rewrites) are compared on rows where every rewriter has a passing one, so
that the harder rows that only one of them masters do not count against it; D(S+) on rows where each has enough of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tasks.report.computed.summary import correct_columns
from tasks.report.schema.compared_data import Comparison, HeldOut, Measure
from tasks.report.statistics.paired import paired
from tasks.report.statistics.statistics import Matrix, contrast, draw, percentile, share
from tasks.rows.jsonl import read_rows
from tasks.runtime.store.store import read_manifest
from tasks.verify.verify import answer_alone

UNTRAINED = "untrained"
_REFERENCES = (UNTRAINED, "rewriting_agent")  # an ablated agent is compared with both
_MEASURES: tuple[tuple[Measure, str], ...] = (
    ("held-out pass rate", "pass_rate"),
    ("held-out NLL", "nll"),
    ("held-out D(S+)", "diversity"),
    ("held-out length", "length"),
)


@dataclass
class _Rewriter:
    """One rewriter's figures by row id, and over all passing candidates their lengths (tokens) and whether they say
    nothing but the answer."""

    figures: dict[str, dict[str, float]]  # pass_rate, nll, diversity, length -> row id -> value
    lengths: list[int]
    alone: list[bool]
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
        found = {method: [one.figures[name] for one in rewriters] for method, rewriters in read.items()}
        for method, matrix in paired(found).items():
            values[method][name] = matrix
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
                pass_rate=share(drawn[method]["pass_rate"], confidence),
                nll_passing=estimates.get("nll"),
                nll_rows=values[method]["nll"].shape[1] if "nll" in values[method] else 0,
                diversity=estimates.get("diversity"),
                diversity_rows=values[method]["diversity"].shape[1] if "diversity" in values[method] else 0,
                mean_length=estimates.get("length"),
                length=_median([length for one in ones for length in one.lengths]),
                expert_length=_median([length for one in ones for length in one.expert_lengths]),
                answer_alone=_share([alone for one in ones for alone in one.alone]),
            )
        )
    differences = [
        Comparison(
            method=method,
            reference=reference,
            measure=measure,
            difference=contrast(
                drawn[method][name] - drawn[reference][name],
                confidence,
                (len(read[one]) for one in (method, reference) if one != UNTRAINED),
            ),
            rows=values[method][name].shape[1],
            seeds=len(read[method]),
        )
        for position, reference in enumerate(_REFERENCES)
        if reference in read
        for method in read
        if method not in _REFERENCES[: position + 1]
        for measure, name in _MEASURES
        if name in values[method]
    ]
    correct_columns(differences)
    return rewriters, differences


def nll_by_kind(untrained: Sequence[Path], trained: Sequence[Path]) -> dict[str, list[float]]:
    """NLL under pi_0 on the same held-out rows: of the experts' solutions, and of every rewrite that passes."""
    if not untrained or not trained:
        return {}
    expert = [row["expert_nll"] for row in read_rows(untrained[0] / "rows.jsonl", ["expert_nll"])]
    return {"expert": expert, "direct rewrite": _passing_nll(untrained[0]), "agent rewrite": _passing_nll(trained[0])}


def _passing_nll(folder: Path) -> list[float]:
    rows = read_rows(folder / "rewrites.jsonl", ["passed", "nll"])
    return [row["nll"] for row in rows if row["passed"] is True and row["nll"] is not None]


def _read(folder: Path) -> _Rewriter:
    rows = list(read_rows(folder / "rows.jsonl", ["id", "candidates", "passed"]))
    # A candidate without a verdict is no failure: it is left out of its row's rate.
    judged = {row["id"]: row["candidates"] - row.get("no_verdict", 0) for row in rows}
    passing = [row for row in read_rows(folder / "rewrites.jsonl", ["tokens", "text"]) if row["passed"] is True]
    enough = int((read_manifest(folder).get("config") or {}).get("diversity_of", 2))
    return _Rewriter(
        figures={
            "pass_rate": {row["id"]: row["passed"] / judged[row["id"]] for row in rows if judged[row["id"]]},
            **{name: {r["id"]: r[name] for r in rows if r.get(name) is not None} for name in ("nll", "length")},
            "diversity": {
                row["id"]: row["diversity"]
                for row in rows
                if row["passed"] >= enough and row.get("diversity") is not None
            },
        },
        lengths=[row["tokens"] for row in passing],
        alone=[answer_alone(row["text"]) for row in passing],
        expert_lengths=[row["expert_length"] for row in rows],
        candidates=max((row["candidates"] for row in rows), default=0),
    )


def _median(values: Sequence[int]) -> float | None:
    return float(median(values)) if values else None


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None
