"""What is read of every run: its entry in the report, and the per-row values behind it.

In:  artifacts by role and run: {"scores": {"base/math500": <folder>, …}, "dataset": {"sft/0": …}, …}
Out: [ReadRun(run=Run(method="base"), correct={"math500": {"row-1": 1.0, …}}, …), …], the base first
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from tasks.methods.method import methods
from tasks.methods.strength import method_of
from tasks.report.computed.calibration import Choice, of_answers
from tasks.report.computed.stability import stability
from tasks.report.reading import artifacts
from tasks.report.reading.answers import Answer, answers
from tasks.report.schema.data import place_of
from tasks.report.schema.run_data import Artifact, Run, TargetNLL
from tasks.report.statistics.statistics import mean_over_rows, proportion
from tasks.rows.jsonl import Row, read_rows
from tasks.runtime.store.store import read_manifest

Roles = Mapping[str, Mapping[str, Path]]


@dataclass
class ReadRun:
    """What was read of one run: its entry in the report, and the per-row values behind it."""

    run: Run
    keys: list[str] = field(default_factory=list)
    correct: dict[str, dict[str, float]] = field(default_factory=dict)  # benchmark -> row id -> 0 or 1
    clusters: dict[str, dict[str, str]] = field(default_factory=dict)  # benchmark -> row id -> its group
    rows: dict[str, Row] = field(default_factory=dict)
    passed: dict[str, float] = field(default_factory=dict)
    nll: dict[str, float] = field(default_factory=dict)
    other_loss: bool = False
    drift: list[Row] = field(default_factory=list)
    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)  # benchmark -> row id
    choices: dict[str, dict[str, Choice]] = field(default_factory=dict)  # benchmark by likelihood -> row id
    sampled: dict[str, artifacts.Sampled] = field(default_factory=dict)  # by benchmark

    @property
    def name(self) -> str:
        """ "sft/0"; of the base its method alone."""
        return self.run.method if self.run.seed is None else f"{self.run.method}/{self.run.seed}"


def read_runs(roles: Roles, confidence: float, resamples: int, seed: int) -> list[ReadRun]:
    """Every run's figures, the base first, then by method and seed."""
    found: dict[tuple[str, int | None], ReadRun] = {}
    for role, folders in roles.items():
        for name, folder in folders.items():
            method, *rest = name.split("/")
            number = int(rest[0]) if method != "base" and rest else None
            one = found.setdefault((method, number), ReadRun(Run(method=method, seed=number)))
            manifest = read_manifest(folder)
            reference = Artifact(kind=manifest["kind"], key=manifest["key"], digest=manifest["digest"])
            one.run.artifacts["/".join([role, *(rest[1:] if method != "base" else rest)])] = reference
            one.keys.append(manifest["key"])
            _read_role(one, role, folder, manifest, confidence)
            if role == "target_nll" and one.nll:
                values = np.array(list(one.nll.values()))
                mean = mean_over_rows(values, confidence, resamples, seed)
                one.run.target_nll = TargetNLL(mean=mean, median=float(np.median(values)), n=len(values))
    order = list(dict.fromkeys(method for method, _ in found))
    return sorted(
        found.values(),
        key=lambda one: (place_of(one.run.method), order.index(one.run.method), one.run.seed or 0),
    )


def _read_role(one: ReadRun, role: str, folder: Path, manifest: Row, confidence: float) -> None:
    run = one.run
    if role == "scores":
        for of in artifacts.evaluated(folder):
            name = of.benchmark
            _note_precision(run, "evaluate", of.said)
            run.scores[name], one.correct[name], one.clusters[name] = artifacts.scored(of, confidence)
            if said := answers(of.answers):
                one.answers[name] = said
            if letters := of_answers(of.answers):
                one.choices[name] = letters
            if samples := artifacts.sampled(of):
                one.sampled[name] = samples
    elif role == "dataset":
        one.rows = artifacts.dataset(folder)
        run.targets = artifacts.targets(one.rows)
        metrics = manifest.get("metrics") or {}
        if own := artifacts.own_yield(metrics):
            run.tc_yield = proportion(*own, confidence)
            # Where self-solutions took rows, or rows were left out, the rows do not tell which rewrites passed.
            told = run.targets.kinds.get("rewrite", 0) == metrics["yield_passed"]
            if told and len(one.rows) == metrics["yield_of"]:
                one.passed = {key: float(row["kind"] == "rewrite") for key, row in one.rows.items()}
    elif role == "model":
        run.loss = artifacts.loss(folder)
        run.stability = stability(run.loss)
        averaged = (method := methods().get(method_of(run.method))) is not None and method.share is not None
        other = {"most_perplexing", "l2", "lora_rank"} & manifest["config"].keys()
        mixed = (manifest["inputs"].get("dataset") or {}).get("kind") == "mix"
        one.other_loss = averaged or mixed or bool(other) or manifest["config"].get("loss", "nll") != "nll"
        metrics = manifest.get("metrics") or {}
        run.final_loss, run.rounded_back = metrics.get("final_loss"), metrics.get("rounded_back")
    elif role == "target_nll":
        one.nll = artifacts.nll(folder)
    elif role == "drift":
        one.drift = list(read_rows(folder / "texts.jsonl", ["id", "thermometer"]))
        _note_precision(run, "drift", manifest.get("metrics") or {})
    elif role == "agent":
        run.grpo = artifacts.grpo(folder)


def _note_precision(run: Run, stage: Literal["evaluate", "drift"], said: Row) -> None:
    if said.get("dtype") == "bfloat16" and stage not in run.read_in_bfloat16:
        run.read_in_bfloat16.append(stage)
