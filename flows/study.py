"""Backbones × methods × seeds, with every artifact made once: the paper's Table 1 and Figure 2.

With `rates` all of it at each learning rate (targets are shared), and a frontier a backbone: methods compared where
they gained the same, and at their own best rate, which the held-out rows choose. With `strengths` methods that have one
are run at several of them besides. What files of frontiers hold (`measured`) is not run again, and compared too.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, tags

from flows.data import Data
from flows.experiment import STUDIED, Experiment, MethodName
from flows.form import Changes, Presets, Rates, Seeds, Strengths, asks, experiment_of
from flows.frontier import make_frontier
from flows.held import Held, held_in
from flows.incomplete import Incomplete, whole_runs
from flows.pipeline import RUNNER, run_methods, submit_report
from flows.plan.start import ready
from flows.seeds import Runs, run_seeds
from flows.strengths import at_strengths
from flows.views import introduce, show_in_ui
from tasks.runtime.futures import finish
from tasks.runtime.store.store import Artifact

MEASURED = ("scores", "drift", "validation", "model")  # the roles that a frontier compares


@flow(name="study", task_runner=RUNNER)
@asks
def study(
    methods: Sequence[MethodName] = STUDIED,
    seeds: Seeds = (0,),
    preset: Presets = (),
    changes: Changes = (),
    backbones: Sequence[str] = ("nano",),
    rates: Rates = (),
    strengths: Strengths = (),
    measured: Sequence[Path] = (),
    experiments: Sequence[Experiment] | None = None,
) -> list[Artifact]:
    """One report a backbone (and a rate), with every method and seed in it; over rates a frontier a backbone besides.
    Its backbones share their sample: the length filter counts with all their tokenizers. Where runs fail, it reports
    the others, names them and ends Failed."""
    asked = [("", one) for one in experiments] if experiments else [(name, None) for name in backbones]
    at_rates = [[f"finetune.learning_rate={rate:g}"] for rate in sorted(set(rates))] or [[]]
    studied = [experiment_of(name, preset, [*changes, *at], one, of=methods) for name, one in asked for at in at_rates]
    compared = at_strengths(studied, dict.fromkeys(("sft", *methods)), strengths)
    held = held_in(measured, [one.backbone.name for one in studied], rates)
    name = introduce("study", studied)
    ready(studied)
    begun: list[tuple[Experiment, Runs]] = []
    for experiment in share_sample(studied):
        data = Data(experiment)
        runs: Runs = {"base": data.base()}
        with tags(*asked_at(experiment, rates)):
            run = partial(run_lacking, experiment, data, compared, held, validated=bool(rates))
            runs |= run_seeds(seeds, run, name)
        begun.append((experiment, runs))
    made, missing = [], dict[str, str]()
    compared_at: dict[str, dict[float, dict[str, dict[str, Any]]]] = {}  # by backbone, rate, role and run
    for experiment, runs in begun:
        whole, failed = whole_runs(runs)
        of, rate = experiment.backbone.name, experiment.finetune.learning_rate
        missing |= {f"{of}{f' at {rate:g}' if rates else ''} {run}": why for run, why in failed.items()}
        if len(runs) > 1:
            with tags(*asked_at(experiment, rates)):
                made.append(submit_report(experiment, whole, failed))
        held.check(experiment, whole)
        roles = {role: {run: one[role] for run, one in whole.items() if role in one} for role in MEASURED}
        compared_at.setdefault(of, {})[rate] = roles
    reports = [finish(one) for one in made]
    for one in reports:
        show_in_ui(one)
    frontiers = [
        make_frontier(of, by_rate, held.files(of))
        for of, by_rate in compared_at.items()
        if len(by_rate.keys() | held.rates(of)) > 1
    ]
    if missing:
        raise Incomplete([*reports, *frontiers], missing)
    return [*reports, *frontiers]


def run_lacking(
    experiment: Experiment, data: Data, names: Sequence[str], held: Held, seed: int, *, validated: bool
) -> Runs:
    """Every method with one seed whose result no file holds, by "method/seed"."""
    lacking = held.lacks(experiment.backbone.name, experiment.finetune.learning_rate, names, seed)
    return run_methods(experiment, data, lacking, seed, validated=validated)


def asked_at(experiment: Experiment, rates: Rates) -> list[str]:
    """The tag by which a study over rates tells whose a stage's run is, beside method (at a strength) and seed."""
    return [f"rate {experiment.finetune.learning_rate:g}"] if rates else []


def share_sample(experiments: list[Experiment]) -> list[Experiment]:
    """The experiments, each of which knows the others' backbones."""
    backbones = {one.backbone.name: one.backbone for one in experiments}
    shared = []
    for one in experiments:
        others = tuple(other for other in backbones.values() if other != one.backbone)
        shared.append(one.model_copy(update={"shared_with": one.shared_with + others}))
    return shared
