"""Runs over time: what the store's reports say of every method and seed, each run once.

In:  report.json of every report (tasks/report/schema/data.py), read once
Out: Run(id="3f2a91c07b5d", backbone="nano", method="sft", seed=0, made=1.79e9, figures={"math": (0.82, 0.79, 0.85), …},
     artifacts={"model": "5f0c…", "scores/math500": "a74f…", …}, reports=["c604…"], …)

The same model stands in many reports: a run is one by the artifacts that it consists of. Its figures are those of the
newest report that has it.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from infra.dashboard.entry import Entry
from infra.dashboard.index import Index
from tasks.report.report import FIGURES
from tasks.runtime.files.plain_text import label

Figure = tuple[float, float | None, float | None]  # a value and its interval
IDENTITY = {"scores", "model", "dataset", "agent", "trained", "untrained"}  # roles; others (drift) may be added later
AVERAGES = {"math": "downstream", "general": "general", "overall": "overall"}


@dataclass
class Run:
    """One method with one seed on one backbone. Accuracies and shares are fractions, NLL nats per token."""

    id: str
    backbone: str
    method: str
    seed: int | None
    made: float
    changed: str
    commit: str
    figures: dict[str, Figure]
    seconds: float
    core_seconds: float
    gpu_seconds: float
    artifacts: dict[str, str]  # role -> key
    benchmarks: dict[str, str] = field(default_factory=dict)  # benchmark -> math or general
    reports: list[str] = field(default_factory=list)  # newest first
    flow_runs: list[str] = field(default_factory=list)
    base: str = ""  # the id of the run of the untrained backbone that it was reported with

    @property
    def label(self) -> str:
        return self.method if self.seed is None else f"{self.method}/{self.seed}"


@dataclass
class Runs:
    """Every run of the index's reports. `refresh` reads the reports that are new."""

    index: Index
    by_id: dict[str, Run] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # report -> why it could not be read
    _read: dict[str, list[Run]] = field(default_factory=dict)
    _version: int = -1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self) -> None:
        with self._lock:
            version = self.index.refresh()
            if version == self._version:
                return
            reports = self.index.of_kind("report")  # newest first
            for entry in reports:
                if entry.key not in self._read:
                    self._read[entry.key] = self._runs_of(entry)
            merged: dict[str, Run] = {}
            for entry in reports:
                for run in self._read[entry.key]:
                    known = merged.setdefault(run.id, run)
                    if known is run:
                        run.reports, run.flow_runs = [], []
                    known.reports.append(entry.key)
                    known.flow_runs.append(label(entry.flow_run))
            self.by_id, self._version = merged, version

    def of_report(self, key: str) -> list[Run]:
        """The runs of one report, the base first, with that report's own figures. Raises LookupError."""
        if key not in self._read:
            raise LookupError(f"no report {key} in {self.index.root}")
        return self._read[key]

    def get(self, run: str) -> Run:
        try:
            return self.by_id[run]
        except KeyError:
            raise LookupError(f"no run {run} among the {len(self.by_id)} of {self.index.root}") from None

    def with_artifact(self, key: str) -> list[Run]:
        """The runs that rest directly on an artifact."""
        return [run for run in self.by_id.values() if key in run.artifacts.values()]

    def _runs_of(self, entry: Entry) -> list[Run]:
        try:
            data = orjson.loads((self.index.folder(entry.key) / FIGURES).read_bytes())
            changed = _changes(self.index.manifest(entry.key).get("config", {}).get("changed"))
            groups = {name: group for group, names in data["benchmarks"].items() for name in names}
            runs = [self._run(one, data, entry, changed, groups) for one in [data["base"], *data["runs"]]]
        except (OSError, LookupError, ValueError, KeyError, TypeError) as error:
            self.problems[entry.key] = f"{type(error).__name__}: {error}"
            return []
        for run in runs[1:]:
            run.base = runs[0].id
        return runs

    def _run(self, said: dict[str, Any], data: dict[str, Any], entry: Entry, changed: str, groups: Any) -> Run:
        artifacts = {role: str(one["key"]) for role, one in said["artifacts"].items()}
        method, seed = label(str(said["method"])), said["seed"]
        made = [self.index.entries[key] for key in artifacts.values() if key in self.index.entries]
        stages = said.get("stages") or []
        figures = {name: _figure(one) for name, one in (said.get("averages") or {}).items() if one}
        figures |= {name: (one["accuracy"], one["low"], one["high"]) for name, one in said["scores"].items()}
        if said.get("tc_yield"):
            figures["yield"] = (said["tc_yield"]["rate"], said["tc_yield"]["low"], said["tc_yield"]["high"])
        if said.get("target_nll"):
            figures["target NLL"] = _figure(said["target_nll"]["mean"])
        if said.get("final_loss") is not None:
            figures["final loss"] = (said["final_loss"], None, None)
        return Run(
            id=run_id(data["backbone"]["digest"], method, seed, artifacts),
            backbone=label(str(data["backbone"]["name"])),
            method=method,
            seed=seed,
            made=max((one.started for one in made if one.method in ("", method)), default=entry.started),
            changed="" if method == "base" else changed,
            commit=next((one.commit for one in made if one.commit), entry.commit),
            figures=figures,
            seconds=sum(one.get("seconds") or 0.0 for one in stages),
            core_seconds=sum(one.get("core_seconds") or 0.0 for one in stages),
            gpu_seconds=sum(one.get("gpu_seconds") or 0.0 for one in stages),
            artifacts=artifacts,
            benchmarks={name: groups.get(name, "") for name in said["scores"]},
        )


def run_id(backbone: str, method: str, seed: int | None, artifacts: Mapping[str, str]) -> str:
    """What a run is called for machines, whichever reports it stands in: `3f2a91c07b5d`.

    Args:
        backbone: the digest of pi_0.
        artifacts: keys by role.
    """
    core = sorted((role, key) for role, key in artifacts.items() if role.split("/")[0] in IDENTITY)
    return hashlib.sha256(orjson.dumps([backbone, method, seed, core])).hexdigest()[:12]


def _figure(estimate: dict[str, Any]) -> Figure:
    return estimate["value"], estimate.get("low"), estimate.get("high")


def _changes(changed: Any) -> str:
    """What the experiment changed of its backbone's file, as --set would say it."""
    if changed is None:
        return "own file"
    return label(", ".join(f"{name}={orjson.dumps(value).decode()}" for name, value in changed.items()), 200)
