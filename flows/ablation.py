"""What each part of the agent is worth: the paper's Tables 3, 4, 5 and the sweep of K, on one backbone.

Every variant is the same experiment but for the one field that `vary` changes; whatever is made alike is shared.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from prefect import flow, tags

from flows.experiment import Experiment
from flows.pipeline import RUNNER, Data, run_method, submit_report, train_and_measure
from flows.views import show_in_ui
from tasks.runtime.futures import finish
from tasks.runtime.store import Artifact

Variant = Literal["no_dist", "no_div", "task_only", "soft_shaping", "success_only", "k5", "k10", "k15", "k20"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
REWARDS: tuple[Variant, ...] = ("no_dist", "no_div", "task_only", "soft_shaping")


@flow(name="ablation", task_runner=RUNNER)
def ablation(experiment: Experiment, variants: list[Variant], seeds: list[int], downstream: bool = True) -> Artifact:
    """One report with the whole agent, vanilla SFT and every variant.

    Args:
        experiment: the backbone and the config of every stage.
        variants: no_dist, no_div, task_only (Table 3), success_only (Table 4), soft_shaping (Table 5), k5 to k20.
        seeds: of training.
        downstream: fine-tune and evaluate as well; off: only train agents and measure them on held-out rows.
    """
    data = Data(experiment)
    runs: dict[str, Mapping[str, object]] = {"base": data.base()}
    agents = {"rewriting_agent": experiment} | {variant: vary(experiment, variant) for variant in variants}
    for seed in seeds:
        if downstream:
            with tags(run := f"sft/{seed}"):
                runs[run] = run_method(experiment, data, "sft", seed)
        for name, changed in agents.items():
            with tags(run := f"{name}/{seed}"):
                if downstream:
                    runs[run] = run_method(changed, data, "rewriting_agent", seed)
                else:
                    runs[run] = train_and_measure(changed, data, seed)
    made: Artifact = finish(submit_report(experiment, runs))
    show_in_ui(made)
    return made


def vary(experiment: Experiment, variant: Variant) -> Experiment:
    """The experiment with the one thing changed that `variant` names."""
    if variant == "success_only":
        return _change(experiment, "assemble", fallback=False)
    if variant.startswith("k"):
        return _change(experiment, "train_agent", candidates=int(variant[1:]))
    reward = experiment.train_agent.reward.model_copy(update={"variant": variant})
    return _change(experiment, "train_agent", reward=reward)


def _change(experiment: Experiment, part: str, **fields: Any) -> Experiment:
    return experiment.model_copy(update={part: getattr(experiment, part).model_copy(update=fields)})
