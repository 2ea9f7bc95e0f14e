"""Backbones × methods × seeds, with every artifact made once: the paper's Table 1 and Figure 2."""

from collections.abc import Sequence
from functools import partial

from prefect import flow

from flows.experiment import STUDIED, Experiment, MethodName
from flows.form import Changes, Presets, Seeds, asks, experiment_of
from flows.incomplete import Incomplete, whole_runs
from flows.pipeline import RUNNER, Data, Runs, run_methods, run_seeds, submit_report
from flows.plan.start import ready
from flows.views import introduce, show_in_ui
from tasks.runtime.futures import finish
from tasks.runtime.store import Artifact


@flow(name="study", task_runner=RUNNER)
@asks
def study(
    methods: Sequence[MethodName] = STUDIED,
    seeds: Seeds = (0,),
    preset: Presets = (),
    changes: Changes = (),
    backbones: Sequence[str] = ("nano",),
    experiments: Sequence[Experiment] | None = None,
) -> list[Artifact]:
    """One report a backbone, with every method and seed in it. Its backbones share their sample: the length filter
    counts with all their tokenizers. Where runs fail, it reports the others, names them and ends Failed."""
    if experiments:
        studied = [experiment_of("", preset, changes, one) for one in experiments]
    else:
        studied = [experiment_of(name, preset, changes) for name in backbones]
    name = introduce("study", studied)
    ready(studied)
    compared = tuple(dict.fromkeys(("sft", *methods)))
    begun: list[tuple[Experiment, Runs]] = []
    for experiment in share_sample(studied):
        data = Data(experiment)
        runs: Runs = {"base": data.base()}
        runs |= run_seeds(seeds, partial(run_methods, experiment, data, compared), name)
        begun.append((experiment, runs))
    made, missing = [], dict[str, str]()
    for experiment, runs in begun:
        whole, failed = whole_runs(runs)
        missing |= {f"{experiment.backbone.name} {run}": why for run, why in failed.items()}
        made.append(submit_report(experiment, whole, failed))
    reports = [finish(one) for one in made]
    for one in reports:
        show_in_ui(one)
    if missing:
        raise Incomplete(reports, missing)
    return reports


def share_sample(experiments: list[Experiment]) -> list[Experiment]:
    """The experiments, each of which knows the others' backbones."""
    backbones = tuple(one.backbone for one in experiments)
    shared = []
    for one in experiments:
        others = tuple(other for other in backbones if other != one.backbone)
        shared.append(one.model_copy(update={"shared_with": one.shared_with + others}))
    return shared
