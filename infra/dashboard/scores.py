"""Scores of several runs, question by question: paired differences with intervals, and the questions that flipped.

In:  Side("sft", runs=[sft/0, sft/1]), Side("rewriting_agent", …): a side is a run, or the seeds of a method
Out: Gap(measure="downstream", difference=Estimate(+0.03, -0.01, 0.07), rows=480, seeds=2), …
     Flips(lost=["math500/17", …], gained=[…]) a benchmark

Questions are joined by id, and only where both runs were asked the same version of a benchmark.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from infra.dashboard.index import Index
from infra.dashboard.runs import AVERAGES, Run
from tasks.report.computed.summary import average
from tasks.report.reading.artifacts import labels
from tasks.report.schema.values import Estimate
from tasks.report.statistics.statistics import Matrix, draw, percentile

ANSWERS = "answers.jsonl"


@dataclass
class Side:
    """Runs that are compared as one, a method's seeds."""

    label: str
    runs: list[Run]


@dataclass
class Gap:
    """A side minus the first side on one measure, paired by question; fractions of 1."""

    measure: str
    group: str  # "" for an average
    first: float
    value: float
    difference: Estimate
    rows: int

    @property
    def noise(self) -> bool:
        low, high = self.difference.low, self.difference.high
        return low is None or high is None or low <= 0 <= high


@dataclass
class Flips:
    """Questions of one benchmark that most runs of the first side had right and most of the other wrong, and back."""

    benchmark: str
    lost: list[str]
    gained: list[str]
    rows: int


@dataclass
class Scores:
    """Sides compared: averages and benchmarks, questions that turned, and what is to be known of it."""

    gaps: list[Gap] = field(default_factory=list)
    flips: list[Flips] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def answers_file(index: Index, key: str, benchmark: str) -> Path:
    """Where an evaluation's answers lie: beside its manifest, or in a folder of the benchmark's name."""
    folder = index.folder(key)
    return folder / ANSWERS if (folder / ANSWERS).exists() else folder / benchmark / ANSWERS


@lru_cache(maxsize=512)
def correct(path: Path, digest: str) -> dict[str, bool]:
    """Question id -> whether the answer was right. `digest` is the artifact's: what is kept is never out of date."""
    return {row["id"]: bool(row["correct"]) for row in _rows(path)}


@lru_cache(maxsize=512)
def clusters(path: Path, digest: str) -> dict[str, str]:
    """Question id -> the passage or subject it comes with, of those that come in groups."""
    return {row["id"]: row["cluster"] for row in _rows(path) if row.get("cluster")}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    return (orjson.loads(line) for line in path.read_bytes().splitlines())


def compare_scores(index: Index, first: Side, other: Side, resamples: int = 2000, confidence: float = 0.95) -> Scores:
    """Every benchmark that all runs of both sides have, and the averages over them."""
    found = Scores()
    named = [run.benchmarks for side in (first, other) for run in side.runs]
    shared = [name for name in named[0] if all(name in one for one in named)]
    if missing := sorted({name for one in named for name in one} - set(shared)):
        found.notes.append(f"not measured on both: {', '.join(missing)}")
    values: dict[str, dict[str, Matrix]] = {"first": {}, "other": {}}
    asked: dict[str, list[str]] = {}
    together: dict[str, dict[str, str]] = {}
    for name in shared:
        try:
            joined = _join(index, name, first, other)
        except (LookupError, OSError) as error:
            found.notes.append(f"{name}: {error}")
            continue
        if joined is None:
            found.notes.append(f"{name}: the two were asked different versions of it, so it is left out")
            continue
        asked[name], values["first"][name], values["other"][name] = joined
        key = first.runs[0].artifacts[f"scores/{name}"]
        together[name] = clusters(answers_file(index, key, name), index.entries[key].digest)
        found.flips.append(_flips(name, asked[name], values["first"][name], values["other"][name]))
    if not values["first"]:
        return found
    drawn = draw(values, resamples, clusters=labels(asked, together))
    groups: dict[str, list[str]] = {"math": [], "general": []}
    for name in values["first"]:
        groups.setdefault(named[0][name], []).append(name)
    measures = [(AVERAGES.get(group, group), "", names) for group, names in groups.items() if names]
    for measure, group, names in [*measures, *((name, named[0][name], [name]) for name in values["first"])]:
        ours, theirs = average(drawn, "other", names), average(drawn, "first", names)
        if ours is None or theirs is None:
            continue
        rows = sum(values["first"][name].shape[1] for name in names)
        gap = percentile(ours - theirs, confidence)
        found.gaps.append(Gap(measure, group, float(theirs[0]), float(ours[0]), gap, rows))
    return found


def _join(index: Index, name: str, first: Side, other: Side) -> tuple[list[str], Matrix, Matrix] | None:
    """Ids and both sides' 0/1 matrices [seeds, questions]; None where the benchmark's own content differs."""
    keys = [[run.artifacts[f"scores/{name}"] for run in side.runs] for side in (first, other)]
    if len({_content(index, key, name) for side in keys for key in side}) > 1:
        return None
    read = [[correct(answers_file(index, key, name), index.entries[key].digest) for key in side] for side in keys]
    ids = sorted(set.intersection(*(set(one) for side in read for one in side)))
    if not ids:
        return None
    first_SR, other_SR = (np.array([[float(one[key]) for key in ids] for one in side]) for side in read)
    return ids, first_SR, other_SR


def _content(index: Index, key: str, name: str) -> str:
    """Which questions were asked: the digest of the benchmark's data in the evaluation's identity."""
    identity: Any = index.manifest(key).get("identity") or {}
    said = (identity.get("benchmarks") or {}).get(name) if isinstance(identity, dict) else None
    return str(said.get("data")) if isinstance(said, dict) else ""


def _flips(name: str, ids: Sequence[str], first_SR: Matrix, other_SR: Matrix) -> Flips:
    before, now = first_SR.mean(axis=0) > 0.5, other_SR.mean(axis=0) > 0.5
    lost = [one for one, was, is_now in zip(ids, before, now, strict=True) if was and not is_now]
    gained = [one for one, was, is_now in zip(ids, before, now, strict=True) if is_now and not was]
    return Flips(name, lost, gained, len(ids))
