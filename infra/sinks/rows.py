"""What a finished report says of each of its runs, as every sink is told it.

In:  a report of the store: report.json, its manifest, and of its runs the agent's steps.jsonl, the drift's texts.jsonl
Out: SinkRun(id="3f2a91c07b5d", name="nano sft/0", figures={"averages/general": 0.97, "averages/general.low": 0.96, …},
     params={"finetune.learning_rate": "0.0008", …}, curves={"sft/loss": [(1, 2.3), …], "agent/pass_rate": […]}, …)

The same run stands in many reports: it is one by what it consists of, as on the dashboard. Accuracies and shares are
fractions of 1, NLL nats per token, costs seconds; intervals end in `.low` and `.high`.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.dashboard.runs import run_id
from tasks.report.computed.drift import drifts
from tasks.report.report import read_report
from tasks.report.schema.data import ReportData
from tasks.report.schema.run_data import Run, Score
from tasks.report.schema.values import Estimate, Proportion
from tasks.rows.jsonl import read_rows
from tasks.runtime.settings import settings
from tasks.runtime.store.store import Manifest, Store

Curve = list[tuple[int, float]]  # step and value


@dataclass(frozen=True)
class SinkRun:
    """One method with one seed on one backbone. `started` and `ended` in seconds since 1970."""

    id: str
    name: str
    backbone: str
    method: str
    seed: int | None
    started: float
    ended: float
    params: dict[str, str] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Of all that a sink is told but the tags: a report that shows the run again says the same."""
        said = [self.params, self.figures, self.curves]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def runs_of(report: Manifest, home: Store) -> list[SinkRun]:
    """Every run of a report, the untrained backbone first.

    Raises:
        FileNotFoundError: the report is not in the store.
    """
    data = read_report(home.path(report.key))
    return [_run(one, data, report, home) for one in [data.base, *data.runs]]


def _run(run: Run, data: ReportData, report: Manifest, home: Store) -> SinkRun:
    keys = {role: one.key for role, one in run.artifacts.items()}
    label = run.method if run.seed is None else f"{run.method}/{run.seed}"
    made = [_manifest(home, key) for key in keys.values()]
    times = [one.timings for one in made if one is not None and "started" in one.timings] or [report.timings]
    return SinkRun(
        id=run_id(data.backbone.digest, run.method, run.seed, keys),
        name=f"{data.backbone.name} {label}",
        backbone=data.backbone.name,
        method=run.method,
        seed=run.seed,
        started=min(float(one["started"]) for one in times),
        ended=max(float(one["started"]) + float(one.get("seconds") or 0.0) for one in times),
        params=_params(run, data, report),
        figures=_figures(run, data, home),
        curves=_curves(run, home),
        tags=_tags(run, report, keys, made),
    )


def _manifest(home: Store, key: str) -> Manifest | None:
    return home.manifest(key) if (home.path(key) / "manifest.json").exists() else None


def _params(run: Run, data: ReportData, report: Manifest) -> dict[str, str]:
    """Backbone, method, seed, and the fields that the experiment changed of its backbone's file."""
    said: dict[str, Any] = {"backbone": data.backbone.name, "method": run.method}
    if run.seed is not None:
        said["seed"] = run.seed
    changed = report.config.get("changed")
    if run.method != "base":
        said |= {"experiment": "a file of its own"} if changed is None else changed
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()}


def _figures(run: Run, data: ReportData, home: Store) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, estimate in run.averages:
        found |= _figure(f"averages/{name}", estimate)
    for name, score in run.scores.items():
        found |= _figure(f"scores/{name}", score)
    found |= _figure("yield", run.tc_yield)
    found |= _figure("target_nll", run.target_nll.mean if run.target_nll else None)
    if run.final_loss is not None:
        found["final_loss"] = run.final_loss
    for name, estimate in _drift(run, data, home).items():
        found |= _figure(f"drift/{slug(name)}", estimate)
    for cost in ("seconds", "core_seconds", "gpu_seconds"):
        found[f"cost/{cost}"] = sum(getattr(one, cost) or 0.0 for one in run.stages)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _figure(name: str, said: Estimate | Score | Proportion | None) -> dict[str, float]:
    """A figure with the ends of its interval, where it has them."""
    if said is None:
        return {}
    value = said.accuracy if isinstance(said, Score) else said.rate if isinstance(said, Proportion) else said.value
    ends = {f"{name}.low": said.low, f"{name}.high": said.high}
    return {name: value} | {end: float(at) for end, at in ends.items() if at is not None}


def _drift(run: Run, data: ReportData, home: Store) -> Mapping[str, Estimate]:
    """The thermometers of this run alone; the report's own table is over a method's seeds."""
    if "drift" not in run.artifacts:
        return {}
    file = home.path(run.artifacts["drift"].key) / "texts.jsonl"
    rows = list(read_rows(file, ["id", "thermometer"])) if file.exists() else []
    if not rows:
        return {}
    found = drifts({run.method: [rows]}, data.benchmarks.get("general", []), data.confidence, data.resamples or 2000)
    return dict(found.rows[-1].figures) if found else {}  # type: ignore[arg-type]


def _curves(run: Run, home: Store) -> dict[str, Curve]:
    """SFT's loss as the report has it; the agent's log whole where it is in the store, else the report's part."""
    found: dict[str, Curve] = {}
    for name in ("loss", "learning_rate"):
        _put(found, f"sft/{name}", [(point.step, getattr(point, name)) for point in run.loss])
    steps = _agent_steps(run, home)
    for name in dict.fromkeys(name for row in steps for name in row if name != "step"):
        _put(found, f"agent/{name}", [(int(row["step"]), row.get(name)) for row in steps])
    return found


def _agent_steps(run: Run, home: Store) -> list[dict[str, Any]]:
    """Rows of the agent's log, each step once."""
    file = home.path(run.artifacts["agent"].key) / "steps.jsonl" if "agent" in run.artifacts else Path()
    if not file.is_file():
        return [step.model_dump() for step in run.grpo]
    by_step = {int(row["step"]): row for row in read_rows(file, ["step"])}  # logged again counts as logged last
    return [by_step[step] for step in sorted(by_step)]


def _put(curves: dict[str, Curve], name: str, points: list[tuple[int, Any]]) -> None:
    """The finite numbers among `points`; no curve where there are none."""
    kept = [(step, float(value)) for step, value in points if _is_figure(value)]
    if kept:
        curves[name] = kept


def _is_figure(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _tags(run: Run, report: Manifest, keys: Mapping[str, str], made: list[Manifest | None]) -> dict[str, str]:
    """Where the run comes from: report, flow run, commit, and the artifacts by role."""
    commit = next((one.run["commit"] for one in made if one is not None and one.run.get("commit")), "")
    said = {"report": report.key, "flow_run": report.run.get("flow_run", ""), "commit": commit}
    if settings().dashboard:
        said["dashboard"] = f"{settings().dashboard}/report?key={report.key}"
    said |= {f"artifact.{role.replace('/', '.')}": key for role, key in keys.items()}
    return {name: value for name, value in said.items() if value}


def slug(name: str) -> str:
    """A name as MLflow and folders take it: `KL(pi_0 || pi), general answers` → `KL_pi_0_pi_general_answers`."""
    return re.sub(r"[^\w.-]+", "_", name).strip("_")
