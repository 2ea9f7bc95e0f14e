"""From artifacts to the report's data.

In:  artifacts by role and run: {"scores": {"base/math500": <folder>, "sft/0/math500": <folder>, …},
     "dataset": {"sft/0": …}, "model": {…}, "target_nll": {…}, "agent": {…}}, and
     `load`, which gives the manifest of a key
Out: ReportData

A run is "<method>/<seed>", the untrained backbone "base"; a benchmark may follow. Rows are joined by id.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tasks.methods.strength import method_of
from tasks.report.computed import summary
from tasks.report.computed.calibration import calibration, together
from tasks.report.computed.drift import drifts
from tasks.report.computed.forgetting import Trained, forgetting
from tasks.report.computed.held_out import held_out, nll_by_kind
from tasks.report.computed.joined import NLL, YIELD, ReportError, by_single_run, groups_of, matrices, methods_of
from tasks.report.computed.pass_at_k import passes
from tasks.report.computed.read_runs import ReadRun, Roles, read_runs
from tasks.report.computed.transitions import transitions
from tasks.report.lineage.lineage import Load, walk
from tasks.report.reading import artifacts, provenance
from tasks.report.reading.cases import cases
from tasks.report.reading.examples import examples, held_out_examples
from tasks.report.reading.histograms import histograms, of_targets
from tasks.report.schema.compared_data import Forgetting, Summary
from tasks.report.schema.data import LABELS, ReportData
from tasks.report.schema.drift_data import Drifts
from tasks.report.schema.values import Estimate
from tasks.report.statistics.statistics import Drawn, draw, percentile, share


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


def collect(config: ReportConfig, roles: Roles, load: Load, flow_run_id: str = "") -> ReportData:
    """Read everything, once.

    Raises:
        ReportError: there is no base, or runs were measured on different rows.
        LookupError: an artifact has no manifest.
    """
    load = cache(load)
    drawing = config.confidence, config.resamples, config.seed
    read = read_runs(roles, *drawing)
    if not read or read[0].run.method != "base":
        raise ReportError("the scores of the untrained backbone (run 'base') are not among the artifacts")
    for one in read:
        one.run.stages = provenance.costs(one.keys, load, flow_run_id)
    values = matrices(read)
    groups = groups_of(values)
    clusters = read[0].clusters
    labels = artifacts.labels({name: sorted(by_id) for name, by_id in read[0].correct.items()}, clusters)
    drawn = draw(values, config.resamples, config.seed, clusters=labels)
    singly = draw(by_single_run(read), config.resamples, config.seed, clusters=labels)
    for one in read:
        one.run.averages = summary.averages(singly, one.name, groups, config.confidence)
    keys = [key for one in read for key in one.keys]
    lineage = walk(dict.fromkeys(keys), load)
    runs = [one.run for one in read]
    compared: list[summary.Compared] = [
        *summary.table_1(groups),
        ("yield", [YIELD], ["sdft"]),
        ("target NLL", [NLL], ["sft"]),
    ]
    untrained, trained = _measured(roles)
    rewriters, differences = held_out(untrained, trained, *drawing)
    per_row = [(one.run, one.rows, one.nll) for one in read]
    agents = trained.get("rewriting_agent", [])
    on_held_out = nll_by_kind(untrained, agents)
    by_kind = on_held_out or of_targets(per_row)
    rows = next(iter(roles.get("held_out", {}).values()), None)
    by_method = {method: [one for one in read if one.run.method == method] for method in methods_of(read)}
    answers = {method: said for method, of in by_method.items() if any(said := [one.answers for one in of])}
    answered, subjects = transitions(answers, groups, *drawing, clusters)
    sampled = {method: [one.sampled for one in of] for method, of in by_method.items()}
    letters = {method: [(one.choices, one.drift) for one in of] for method, of in by_method.items()}
    shown = held_out_examples(rows, untrained, agents, config.examples) if rows else []
    return ReportData(
        backbone=provenance.backbone(config.backbone, keys, load),
        confidence=config.confidence,
        resamples=config.resamples,
        benchmarks=groups,
        base=runs[0],
        runs=runs[1:],
        summaries=[_summary(config, method, read, drawn, groups) for method in methods_of(read)],
        comparisons=summary.comparisons(drawn, values, compared, config.confidence) + differences,
        forgetting=_forgetting(config, read, singly, groups),
        drift=_drifts(config, read, groups["general"], clusters),
        answered=answered,
        subjects=subjects,
        calibration=calibration(together(letters, groups["general"]), *drawing, clusters),
        pass_at_k=passes(sampled, groups, *drawing, labels),
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


def _forgetting(
    config: ReportConfig, read: list[ReadRun], singly: Drawn, groups: Mapping[str, list[str]]
) -> Forgetting | None:
    """What each model forgot against the NLL of its targets; models that lack either figure are left out."""
    base, *trained = ((one, summary.average(singly, one.name, groups["general"])) for one in read)
    if base[1] is None:
        return None
    models = [
        Trained(one.run.method, one.run.seed, one.run.target_nll.mean.value, general, one.other_loss)
        for one, general in trained
        if one.run.target_nll and general is not None
    ]
    return forgetting(models, base[1], config.confidence, config.seed)


def _drifts(
    config: ReportConfig, read: list[ReadRun], general: list[str], clusters: Mapping[str, Mapping[str, str]]
) -> Drifts | None:
    """The thermometers of every method that was measured by them."""
    measured = [one for one in read if one.drift]
    runs = {method: [one.drift for one in measured if one.run.method == method] for method in methods_of(measured)}
    return drifts(runs, general, config.confidence, config.resamples, config.seed, clusters)


def _measured(roles: Roles) -> tuple[list[Path], dict[str, list[Path]]]:
    """Folders of `measure`: of the untrained rewriter, and of each method's agents by seed."""
    trained = dict[str, list[Path]]()
    for name, folder in sorted(roles.get("trained", {}).items()):
        trained.setdefault(name.split("/")[0], []).append(folder)
    place = {name: number for number, name in enumerate(LABELS)}
    trained = dict(sorted(trained.items(), key=lambda one: place.get(method_of(one[0]), len(place))))
    return list(roles.get("untrained", {}).values()), trained


def _summary(
    config: ReportConfig,
    method: str,
    read: list[ReadRun],
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
