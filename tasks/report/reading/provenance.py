"""Where a report's figures come from, by the manifests: costs, configs, versions, rows set aside, the backbone.

In:  the lineage and `load`, which gives the manifest of a key:
     {"kind": "finetune", "key": "5f0c…", "cost": {"core_seconds": 82.4, "gpu_seconds": 0.0}, "metrics": {…},
      "environment": {"name": "sft", "lock": "9a…"}, "run": {"flow_run_id": "…"}, …}
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from tasks.methods.strength import asked_at, method_of
from tasks.report.lineage.lineage import Load, walk
from tasks.report.reading import artifacts
from tasks.report.schema.data import ORDER, Backbone
from tasks.report.schema.lineage_data import Graph
from tasks.report.schema.row_data import Quarantine
from tasks.report.schema.run_data import Run, StageCost


def costs(keys: list[str], load: Load, flow_run_id: str) -> list[StageCost]:
    """What the artifacts of a run and all they were made from cost to build."""
    costs = []
    for node in walk(keys, load).nodes:
        if node.missing or node.seconds is None:
            continue
        manifest = load(node.key)
        cost, run = manifest.get("cost") or {}, manifest.get("run") or {}
        planned = (manifest.get("timings") or {}).get("planned") or {}
        costs.append(
            StageCost(
                stage=node.kind,
                key=node.key,
                seconds=node.seconds,
                core_seconds=cost.get("core_seconds"),
                gpu_seconds=cost.get("gpu_seconds") or None,
                peak_bytes=cost.get("peak_bytes"),
                cached=bool(flow_run_id) and run.get("flow_run_id") != flow_run_id,
                planned_seconds=planned.get("seconds"),
                planned_work=planned.get("amount"),
                work=planned.get("done"),
                unit=planned.get("unit", ""),
            )
        )
    return costs


def set_aside(lineage: Graph, load: Load) -> list[Quarantine]:
    """Rows that stages left out."""
    found = [artifacts.set_aside(load(node.key)) for node in lineage.nodes if not node.missing]
    return [one for one in found if one is not None]


def backbone(name: str, keys: Iterable[str], load: Load) -> Backbone:
    """The backbone that the artifacts `keys` were made from (others may lend their tokenizers to the sample)."""
    inputs = [entry for key in keys for entry in load(key).get("inputs", {}).values() if entry["kind"] == "backbone"]
    nano = is_nano(name)
    if not inputs:
        return Backbone(name=name, digest="", nano=nano)
    try:
        metrics = load(inputs[0]["key"]).get("metrics") or {}
    except (LookupError, OSError, RuntimeError):  # gone from the store: the lineage shows it as missing
        metrics = {}
    return Backbone(name=name, digest=inputs[0]["digest"], nano=nano, parameters=metrics.get("parameters"))


def is_nano(name: str) -> bool:
    """Whether the backbone of this name is a toy: nano, or nano-4 of another world (infra/nano)."""
    return name.split("-")[0] == "nano"


def configs(lineage: Graph, load: Load) -> dict[str, Any]:
    """The config of every stage, as it went into its key; a list where artifacts of a stage differ in it."""
    found: dict[str, list[Any]] = {}
    for node in lineage.nodes:
        if not node.missing:
            entries = found.setdefault(node.kind, [])
            if (one := load(node.key).get("config") or {}) not in entries:
                entries.append(one)
    return {kind: entries[0] if len(entries) == 1 else entries for kind, entries in found.items()}


def versions(lineage: Graph, load: Load) -> dict[str, str]:
    """Interpreters and environment locks, by stage where they differ."""
    found: dict[str, str] = {}
    for node in lineage.nodes:
        if not node.missing:
            manifest = load(node.key)
            environment = manifest.get("environment") or {}
            if name := environment.get("name"):
                found[f"environment {name}, lock"] = str(environment.get("lock", ""))[:16]
            found |= {name: str(version) for name, version in (manifest.get("versions") or {}).items()}
    return found


def commands(backbone: str, runs: Iterable[Run], changed: Mapping[str, Any] | None) -> list[str]:
    """The command that makes this report again.

    Args:
        changed: fields that differ from the backbone's file; None: the experiment came from a file of the user's own.
    """
    if changed is None:
        return [f"{_command('EXPERIMENT.yaml', runs)}  # EXPERIMENT.yaml: the file that names the backbone {backbone}"]
    options = (f" --set {shlex.quote(f'{field}={json.dumps(value)}')}" for field, value in changed.items())
    return [_command(backbone, runs) + "".join(options)]


def _command(backbone: str, runs: Iterable[Run]) -> str:
    runs = [run for run in runs if run.method != "base"]
    methods = list(dict.fromkeys(run.method for run in runs))
    seeds = sorted({run.seed for run in runs if run.seed is not None})
    if strengths := asked_at(methods):
        plain = " ".join(f"--method {method}" for method in dict.fromkeys(map(method_of, methods)))
        at = " ".join(f"--strengths {one}" for one in strengths)
        return f"rewriting-agent study --backbone {backbone} {plain} --seeds {max(seeds, default=0) + 1} {at}"
    others = [method for method in methods if method != "sft"]
    if len(others) <= 1 and len(seeds) <= 1:
        seed = f" --seed {seeds[0]}" if seeds and seeds[0] else ""
        return f"rewriting-agent run --backbone {backbone} --method {(others or ['sft'])[0]}{seed}"
    count = max(seeds, default=0) + 1
    if variants := [method for method in others if method not in ORDER]:
        chosen = " ".join(f"--variant {variant}" for variant in variants)
        only = "" if any(run.scores for run in runs) else " --no-downstream"
        return f"rewriting-agent ablation --backbone {backbone} {chosen} --seeds {count}{only}"
    chosen = " ".join(f"--method {method}" for method in methods)
    return f"rewriting-agent study --backbone {backbone} {chosen} --seeds {count}"
