"""Backbones × methods × seeds, with every artifact made once: the paper's Table 1 and Figure 2."""

from typing import Literal

from prefect import flow

from flows.experiment import Experiment, Method
from flows.incomplete import Incomplete, whole_runs
from flows.pipeline import RUNNER, Data, Runs, run_next_seed, run_seed, submit_report
from flows.views import show_in_ui
from tasks.runtime.futures import finish
from tasks.runtime.store import Artifact


@flow(name="study", task_runner=RUNNER)
def study(experiments: list[Experiment], methods: list[Method], seeds: list[int] | Literal["next"]) -> list[Artifact]:
    """One report a backbone, with every method and seed in it.

    Args:
        experiments: one a backbone. Their sample is shared: its length filter counts with all their tokenizers.
        methods: what to compare; vanilla SFT is always among them.
        seeds: of training. "next", as schedules have it: those that were run, and one more.

    Raises:
        Incomplete: runs failed. The reports are made, of the others, and name them.
    """
    backbones = tuple(experiment.backbone for experiment in experiments)
    begun: list[tuple[Experiment, Runs]] = []
    for experiment in experiments:
        others = tuple(one for one in backbones if one != experiment.backbone)
        experiment = experiment.model_copy(update={"shared_with": experiment.shared_with + others})
        data = Data(experiment)
        runs: Runs = {"base": data.base()}
        compared: tuple[Method, ...] = tuple(dict.fromkeys(("sft", *methods)))
        if isinstance(seeds, list):
            for seed in seeds:
                runs |= run_seed(experiment, data, compared, seed)
        else:
            runs |= run_next_seed(experiment, data, compared, f"{experiment.backbone.name}-study")
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
