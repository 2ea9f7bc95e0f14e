"""What each part of the agent is worth: the paper's Tables 3, 4, 5 and the sweep of K, on one backbone.

Every variant is the same experiment but for the one field that `vary` changes; whatever is made alike is shared.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, get_args

from prefect import flow, tags

from flows.data import Data
from flows.experiment import Experiment
from flows.form import Changes, Presets, Seeds, asks, experiment_of
from flows.incomplete import Incomplete, whole_runs
from flows.pipeline import RUNNER, run_method, submit_report
from flows.plan.start import ready
from flows.seeds import Runs, run_seeds
from flows.targets import train_and_measure
from flows.views import introduce, show_in_ui
from tasks.runtime.futures import finish
from tasks.runtime.store.store import Artifact

Variant = Literal["no_dist", "no_div", "task_only", "soft_shaping", "success_only", "k5", "k10", "k15", "k20"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


@flow(name="ablation", task_runner=RUNNER)
@asks
def ablation(
    variants: Sequence[Variant] = VARIANTS,
    seeds: Seeds = (0,),
    downstream: bool = True,
    preset: Presets = (),
    changes: Changes = (),
    backbone: str = "nano",
    experiment: Experiment | None = None,
) -> Artifact:
    """One report with the whole agent, vanilla SFT and every variant. Where runs fail, it reports the others, names
    them and ends Failed."""
    asked = experiment_of(backbone, preset, changes, experiment)
    name = introduce("ablation", [asked])
    ready([asked])
    data = Data(asked)
    runs: Runs = {"base": data.base()}
    runs |= run_seeds(seeds, partial(run_variants, asked, data, variants, downstream), name)
    whole, failed = whole_runs(runs)
    made: Artifact = finish(submit_report(asked, whole, failed))
    show_in_ui(made)
    if failed:
        raise Incomplete([made], failed)
    return made


def run_variants(experiment: Experiment, data: Data, variants: Sequence[Variant], downstream: bool, seed: int) -> Runs:
    """The whole agent and every variant of it with one seed, by "variant/seed"; SFT too where it goes downstream."""
    runs: Runs = {}
    agents = {"rewriting_agent": experiment} | {variant: vary(experiment, variant) for variant in variants}
    if downstream:
        with tags(run := f"sft/{seed}"):
            runs[run] = run_method(experiment, data, "sft", seed)
    for name, changed in agents.items():
        with tags(run := f"{name}/{seed}"):
            if downstream:
                runs[run] = run_method(changed, data, "rewriting_agent", seed)
            else:
                runs[run] = train_and_measure(changed, data, seed)
    return runs


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
