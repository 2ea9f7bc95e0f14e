"""From artifacts to the report's data.

In:  artifacts by role and run: {"scores": {"base/math500": <folder>, "sft/0/math500": <folder>, …},
     "dataset": {"sft/0": …}, "model": {…}, "target_nll": {…}, "agent": {…}}, and
     `load`, which gives the manifest of a key
Out: ReportData

A run is "<method>/<seed>", the untrained backbone "base"; a benchmark may follow. Rows are joined by id.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tasks.evaluate.benchmark import benchmark
from tasks.methods.method import methods
from tasks.report import artifacts, provenance, summary
from tasks.report.answers import Answer, answers
from tasks.report.cases import cases
from tasks.report.data import LABELS, ORDER, Artifact, Estimate, Forgetting, ReportData, Run, Summary, TargetNLL
from tasks.report.drift import drifts
from tasks.report.drift_data import Drifts
from tasks.report.examples import examples, held_out_examples
from tasks.report.forgetting import Trained, forgetting
from tasks.report.held_out import held_out, nll_by_kind
from tasks.report.histograms import histograms, of_targets
from tasks.report.lineage import Load, walk
from tasks.report.stability import stability
from tasks.report.statistics import Drawn, Matrix, draw, mean_over_rows, percentile, proportion, share
from tasks.report.transitions import transitions
from tasks.rows.jsonl import Row, read_rows
from tasks.runtime.store import read_manifest

Roles = Mapping[str, Mapping[str, Path]]
YIELD, NLL = "task-consistency yield", "target NLL"  # drawn beside the benchmarks, so that they are paired alike


class ReportConfig(BaseModel):
    """What the report is called and how its intervals are drawn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str = Field(description="Name of the backbone, as the report shows it.")
    changed: dict[str, JsonValue] | None = Field(
        default_factory=dict,
        description="Fields changed from the backbone's file, for the command that makes the report again; None: the "
        "experiment came from another file.",
    )
    missing: dict[str, str] = Field(
        default_factory=dict, description="Runs that failed, and by what: they are named, not shown."
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Of every interval.")
    resamples: int = Field(default=2000, ge=100, le=100_000, description="Bootstrap replicates.")
    seed: int = Field(default=0, ge=0, description="Seed of the bootstrap.")
    examples: int = Field(default=8, ge=0, le=50, description="Rows shown before and after rewriting.")
    bins: int = Field(default=48, ge=5, le=200, description="Bins of the NLL histograms.")


class ReportError(ValueError):
    """Artifacts that do not fit together: says which run, and which rows."""


@dataclass
class _Read:
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


def collect(config: ReportConfig, roles: Roles, load: Load, flow_run_id: str = "") -> ReportData:
    """Read everything, once.

    Raises:
        ReportError: there is no base, or runs were measured on different rows.
        LookupError: an artifact has no manifest.
    """
    load = cache(load)
    read = _by_run(config, roles)
    if not read or read[0].run.method != "base":
        raise ReportError("the scores of the untrained backbone (run 'base') are not among the artifacts")
    for one in read:
        one.run.stages = provenance.costs(one.keys, load, flow_run_id)
    values = _matrices(read)
    groups = _groups(values)
    clusters = read[0].clusters
    labels = artifacts.labels({name: sorted(by_id) for name, by_id in read[0].correct.items()}, clusters)
    drawn = draw(values, config.resamples, config.seed, clusters=labels)
    singly = draw(_by_single_run(read), config.resamples, config.seed, clusters=labels)
    for one in read:
        one.run.averages = summary.averages(singly, _name(one.run), groups, config.confidence)
    keys = [key for one in read for key in one.keys]
    lineage = walk(dict.fromkeys(keys), load)
    runs = [one.run for one in read]
    compared: list[summary.Compared] = [
        *summary.table_1(groups),
        ("yield", [YIELD], ["sdft"]),
        ("target NLL", [NLL], ["sft"]),
    ]
    untrained, trained = _measured(roles)
    rewriters, differences = held_out(untrained, trained, config.confidence, config.resamples, config.seed)
    per_row = [(one.run, one.rows, one.nll) for one in read]
    agents = trained.get("rewriting_agent", [])
    on_held_out = nll_by_kind(untrained, agents)
    by_kind = on_held_out or of_targets(per_row)
    rows = next(iter(roles.get("held_out", {}).values()), None)
    by_method = {method: [one.answers for one in read if one.run.method == method] for method in _methods(read)}
    answered, subjects = transitions(
        {method: runs for method, runs in by_method.items() if any(runs)},
        groups,
        config.confidence,
        config.resamples,
        config.seed,
        clusters,
    )
    shown = held_out_examples(rows, untrained, agents, config.examples) if rows else []
    return ReportData(
        backbone=provenance.backbone(config.backbone, keys, load),
        confidence=config.confidence,
        resamples=config.resamples,
        benchmarks=groups,
        base=runs[0],
        runs=runs[1:],
        summaries=[_summary(config, method, read, drawn, groups) for method in _methods(read)],
        comparisons=summary.comparisons(drawn, values, compared, config.confidence) + differences,
        forgetting=_forgetting(config, read, singly, groups),
        drift=_drifts(config, read, groups["general"]),
        answered=answered,
        subjects=subjects,
        held_out=rewriters,
        histograms=histograms(by_kind, "held-out rows" if on_held_out else "targets that SFT trains on", config.bins),
        cases=cases(rows, untrained, agents) if rows else None,
        examples=shown or examples(per_row, config.examples),
        quarantined=provenance.set_aside(lineage, load),
        lineage=lineage,
        config=provenance.configs(lineage, load),
        versions=provenance.versions(lineage, load),
        reproduce=provenance.commands(config.backbone, runs, config.changed),
        notes=[f"Not in this report: {run}, {why}." for run, why in sorted(config.missing.items())],
    )


def _by_run(config: ReportConfig, roles: Roles) -> list[_Read]:
    """Every run's figures, the base first, then by method and seed."""
    found: dict[tuple[str, int | None], _Read] = {}
    for role, folders in roles.items():
        for name, folder in folders.items():
            method, *rest = name.split("/")
            seed = int(rest[0]) if method != "base" and rest else None
            one = found.setdefault((method, seed), _Read(Run(method=method, seed=seed)))
            manifest = read_manifest(folder)
            reference = Artifact(kind=manifest["kind"], key=manifest["key"], digest=manifest["digest"])
            one.run.artifacts["/".join([role, *(rest[1:] if method != "base" else rest)])] = reference
            one.keys.append(manifest["key"])
            _read_role(config, one, role, folder, manifest)
    order = list(dict.fromkeys([*ORDER, *(method for method, _ in found)]))
    return sorted(found.values(), key=lambda one: (order.index(one.run.method), one.run.seed or 0))


def _read_role(config: ReportConfig, one: _Read, role: str, folder: Path, manifest: Row) -> None:
    run = one.run
    if role == "scores":
        for name, (score, correct, clusters) in artifacts.scores(folder, config.confidence).items():
            run.scores[name], one.correct[name], one.clusters[name] = score, correct, clusters
        one.answers |= answers(folder)
    elif role == "dataset":
        one.rows = artifacts.dataset(folder)
        run.targets = artifacts.targets(one.rows)
        metrics = manifest.get("metrics") or {}
        if own := artifacts.own_yield(metrics):
            run.tc_yield = proportion(*own, config.confidence)
            # Where self-solutions took rows, or rows were left out, the rows do not tell which rewrites passed.
            told = run.targets.kinds.get("rewrite", 0) == metrics["yield_passed"]
            if told and len(one.rows) == metrics["yield_of"]:
                one.passed = {key: float(row["kind"] == "rewrite") for key, row in one.rows.items()}
    elif role == "model":
        run.loss = artifacts.loss(folder)
        run.stability = stability(run.loss)
        averaged = (method := methods().get(run.method)) is not None and method.share is not None
        other = {"most_perplexing", "l2", "lora_rank"} & manifest["config"].keys()
        mixed = (manifest["inputs"].get("dataset") or {}).get("kind") == "mix"
        one.other_loss = averaged or mixed or bool(other) or manifest["config"].get("loss", "nll") != "nll"
        run.final_loss = (manifest.get("metrics") or {}).get("final_loss")
    elif role == "target_nll":
        one.nll = artifacts.nll(folder)
        if one.nll:
            values = np.array(list(one.nll.values()))
            mean = mean_over_rows(values, config.confidence, config.resamples, config.seed)
            run.target_nll = TargetNLL(mean=mean, median=float(np.median(values)), n=len(values))
    elif role == "drift":
        one.drift = list(read_rows(folder / "texts.jsonl", ["id", "thermometer"]))
    elif role == "agent":
        run.grpo = artifacts.grpo(folder)


def _forgetting(
    config: ReportConfig, read: list[_Read], singly: Drawn, groups: Mapping[str, list[str]]
) -> Forgetting | None:
    """What each model forgot against the NLL of its targets; models that lack either figure are left out."""
    base, *trained = ((one, summary.average(singly, _name(one.run), groups["general"])) for one in read)
    if base[1] is None:
        return None
    models = [
        Trained(one.run.method, one.run.seed, one.run.target_nll.mean.value, general, one.other_loss)
        for one, general in trained
        if one.run.target_nll and general is not None
    ]
    return forgetting(models, base[1], config.confidence, config.seed)


def _drifts(config: ReportConfig, read: list[_Read], general: list[str]) -> Drifts | None:
    """The thermometers of every method that was measured by them."""
    measured = [one for one in read if one.drift]
    runs = {method: [one.drift for one in measured if one.run.method == method] for method in _methods(measured)}
    return drifts(runs, general, config.confidence, config.resamples, config.seed)


def _measured(roles: Roles) -> tuple[list[Path], dict[str, list[Path]]]:
    """Folders of `measure`: of the untrained rewriter, and of each method's agents by seed."""
    known, trained = list(LABELS), dict[str, list[Path]]()
    for name, folder in sorted(roles.get("trained", {}).items()):
        trained.setdefault(name.split("/")[0], []).append(folder)
    trained = dict(sorted(trained.items(), key=lambda one: known.index(one[0]) if one[0] in known else len(known)))
    return list(roles.get("untrained", {}).values()), trained


def _methods(read: Iterable[_Read]) -> list[str]:
    return list(dict.fromkeys(one.run.method for one in read))


def _matrices(read: list[_Read]) -> dict[str, dict[str, Matrix]]:
    """method -> benchmark -> [seeds, rows], the same rows in the same order for every method."""
    values: dict[str, dict[str, Matrix]] = {method: {} for method in _methods(read)}
    for name in dict.fromkeys(name for one in read for name in one.correct):
        _join(values, name, [(one.run, one.correct[name]) for one in read if name in one.correct], same=True)
    _join(values, YIELD, [(one.run, one.passed) for one in read if one.passed], same=True)
    _join(values, NLL, [(one.run, one.nll) for one in read if one.nll], same=False)
    return values


def _join(
    values: dict[str, dict[str, Matrix]], name: str, found: list[tuple[Run, dict[str, float]]], same: bool
) -> None:
    """Put the runs' values of `name` into matrices. `same`: other row ids in one run are an error, not left out."""
    if not found:
        return
    shared = set.intersection(*(set(by_id) for _, by_id in found))
    for run, by_id in found:
        if same and len(by_id) != len(shared):
            odd = sorted(set(by_id) - shared)[:3]
            raise ReportError(f"{name}: {run.method}, seed {run.seed}, has rows that others lack (first: {odd})")
    if not shared:
        return
    ids = sorted(shared)
    for method in dict.fromkeys(run.method for run, _ in found):
        values[method][name] = np.array([[by_id[key] for key in ids] for run, by_id in found if run.method == method])


def _groups(values: Mapping[str, Mapping[str, Matrix]]) -> dict[Any, list[str]]:
    """Benchmarks by what they measure, in the order in which they came."""
    groups: dict[Any, list[str]] = {"math": [], "general": []}
    for name in dict.fromkeys(name for by_name in values.values() for name in by_name):
        if name not in (YIELD, NLL):
            groups[benchmark(name).group].append(name)
    return groups


def _by_single_run(read: list[_Read]) -> dict[str, dict[str, Matrix]]:
    """Like `_matrices`, each run by itself, benchmarks only: rows in the order of their ids."""
    return {
        _name(one.run): {name: np.array([[by_id[key] for key in sorted(by_id)]]) for name, by_id in one.correct.items()}
        for one in read
    }


def _name(run: Run) -> str:
    return run.method if run.seed is None else f"{run.method}/{run.seed}"


def _summary(
    config: ReportConfig,
    method: str,
    read: list[_Read],
    drawn: Drawn,
    groups: dict[Any, list[str]],
) -> Summary:
    """The method's row of the headline table."""
    runs = [one.run for one in read if one.run.method == method]
    losses = [run.final_loss for run in runs if run.final_loss is not None]
    yields = list({run.artifacts["dataset"].key: run.tc_yield for run in runs if run.tc_yield}.values())
    tc_yield = None
    if YIELD in drawn[method]:
        tc_yield = share(drawn[method][YIELD], config.confidence)
    elif yields:
        tc_yield = _over_seeds([one.rate for one in yields])
        if len(yields) == 1:
            tc_yield = Estimate(value=yields[0].rate, low=yields[0].low, high=yields[0].high)
    return Summary(
        method=method,
        seeds=[run.seed for run in runs if run.seed is not None],
        averages=summary.averages(drawn, method, groups, config.confidence),
        tc_yield=tc_yield,
        tc_yield_n=sum(one.n for one in yields),
        target_nll=percentile(drawn[method][NLL], config.confidence) if NLL in drawn[method] else None,
        final_loss=_over_seeds(losses) if losses else None,
    )


def _over_seeds(values: list[float]) -> Estimate:
    """The mean with the range over seeds; no interval of a single one."""
    mean = float(np.mean(values))
    return Estimate(value=mean, low=min(values), high=max(values)) if len(values) > 1 else Estimate(value=mean)
