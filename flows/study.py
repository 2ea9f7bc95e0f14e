"""Backbones × methods × seeds, with every artifact made once: the paper's Table 1 and Figure 2."""

from prefect import flow, tags

from flows.experiment import Experiment, Method
from flows.pipeline import RUNNER, Data, run_method, submit_report
from flows.views import show_in_ui
from tasks.runtime.futures import finish
from tasks.runtime.store import Artifact


@flow(name="study", task_runner=RUNNER)
def study(experiments: list[Experiment], methods: list[Method], seeds: list[int]) -> list[Artifact]:
    """One report a backbone, with every method and seed in it.

    Args:
        experiments: one a backbone. Their sample is shared: its length filter counts with all their tokenizers.
        methods: what to compare; vanilla SFT is always among them.
        seeds: of training.
    """
    backbones = tuple(experiment.backbone for experiment in experiments)
    made = []
    for experiment in experiments:
        others = tuple(one for one in backbones if one != experiment.backbone)
        experiment = experiment.model_copy(update={"shared_with": experiment.shared_with + others})
        data = Data(experiment)
        runs = {"base": data.base(experiment)}
        for method in dict.fromkeys(("sft", *methods)):
            for seed in seeds:
                with tags(run := f"{method}/{seed}"):
                    runs[run] = run_method(experiment, data, method, seed)
        made.append(submit_report(experiment, runs))
    reports = [finish(one) for one in made]
    for one in reports:
        show_in_ui(one)
    return reports
