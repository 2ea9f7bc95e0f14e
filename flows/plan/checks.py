"""What cannot work, said before anything is downloaded: by `plan`, and at the start of every run.

In:  the experiment of Mistral-7B with --preset one_gpu, one GPU of 80 GB
Out: "finetune takes 126 GB a GPU (state 116 GB) and h100-80 has 80: 46 GB too much. More GPUs …"

A check is a function of what was asked that yields a sentence for each thing that cannot work, with what to type. What
the fields' own bounds refuse never comes this far (flows/experiment.py).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flows.experiment import Experiment
from flows.plan import memory
from flows.plan.estimate import Machine
from flows.plan.table import table
from tasks.evaluate import benchmark
from tasks.finetune.finetune import gpus as sft_gpus
from tasks.rows.source import SourceError, check_pinned, local_path
from tasks.score.config import PACKAGED_EMBEDDER, EmbedderConfig


class CannotWork(ValueError):
    """A run that would fail hours later; a sentence for each reason, with what to type."""


@dataclass(frozen=True)
class Asked:
    """One experiment, and what it would be computed on."""

    experiment: Experiment
    machine: Machine


Check = Callable[[Asked], Iterator[str]]


def refusals(experiments: Sequence[Experiment], machine: Machine) -> list[str]:
    """Everything that cannot work, each sentence once."""
    found = (said for one in experiments for check in CHECKS for said in check(Asked(one, machine)))
    return list(dict.fromkeys(found))


def batches_divide(asked: Asked) -> Iterator[str]:
    """The optimiser's step over so many GPUs as there are (0 processes: all), for SFT and for GRPO."""
    sft, gpus = asked.experiment.finetune, asked.machine.gpus
    processes = sft.processes or max(1, gpus if asked.machine.gpu else 1)
    if sft.global_batch % (sft.per_device_batch * processes):
        fits = [n for n in range(processes, 0, -1) if sft.global_batch % (sft.per_device_batch * n) == 0]
        do = f"--set finetune.processes={fits[0]}" if fits else f"--set finetune.global_batch={sft.per_device_batch}"
        yield (
            f"finetune.global_batch {sft.global_batch} is not a multiple of per_device_batch {sft.per_device_batch} x "
            f"{processes} {'GPUs' if asked.machine.gpu else 'processes'}: {do}"
        )
    agent = asked.experiment.train_agent
    if agent.engine == "verl":
        ranks, rollouts = agent.verl.gpus * agent.verl.machines, agent.prompts_per_step * agent.candidates
        if agent.prompts_per_step % agent.updates_per_step or rollouts // agent.updates_per_step % ranks:
            yield (
                f"train_agent: {rollouts} rewrites a step in {agent.updates_per_step} updates do not divide over "
                f"{ranks} GPUs: --set train_agent.verl.gpus=1, or another train_agent.prompts_per_step"
            )


def models_fit(asked: Asked) -> Iterator[str]:
    """Each stage's memory on the GPUs that are named, where the model's shape is known."""
    gpu, experiment = asked.machine.gpu, asked.experiment
    model = memory.model_of(experiment.backbone)
    if gpu is None or model is None:
        return
    agent = experiment.train_agent
    for kind, config, gpus in (
        ("finetune", experiment.finetune, sft_gpus(experiment.finetune) or asked.machine.gpus),
        ("train_agent", agent, agent.verl.gpus),
        ("rewrite", experiment.rewrite, experiment.rewrite.tensor_parallel),
        ("evaluate", experiment.evaluate, experiment.evaluate.tensor_parallel),
    ):
        need = memory.need(kind, config, model, max(1, gpus), gpu, experiment.sample.max_tokens)
        if need is not None and (over := need.bytes - gpu.memory * memory.GB) > 0:
            yield (
                f"{kind} takes {need.bytes / memory.GB:.0f} GB a GPU ({need.told}) and {asked.machine.device} has "
                f"{gpu.memory:.0f}: {over / memory.GB:.0f} GB too much. {_less(kind)}"
            )


def gpus_are_there(asked: Asked) -> Iterator[str]:
    """Stages that compute here want no more GPUs than there are; the pools of others are looked at when they are used."""
    if not asked.machine.gpu:
        return
    experiment, there = asked.experiment, asked.machine.gpus
    wanted = {
        "train_agent": experiment.train_agent.verl.gpus if experiment.train_agent.engine == "verl" else 1,
        "finetune": experiment.finetune.processes,
        "rewrite": experiment.rewrite.tensor_parallel,
        "evaluate": experiment.evaluate.tensor_parallel,
    }
    for stage, count in wanted.items():
        if count > there and stage not in experiment.placement:
            yield f"{stage} computes on {count} GPUs, there are {there}: --preset one_gpu, or name a pool (placement)"


def hub_opens(asked: Asked) -> Iterator[str]:
    """A gated model on the hub is had with a token alone, unless it lies in the hub's cache."""
    config = asked.experiment.backbone
    known = table().models.get(config.model)
    if local_path(config.model) is not None or config.is_gguf():
        return
    from huggingface_hub import get_token, try_to_load_from_cache

    cached = try_to_load_from_cache(config.model, "config.json", revision=config.revision)
    if known is not None and known.gated and not get_token() and not isinstance(cached, str):
        yield (
            f"{config.model} is gated: accept its licence on its page, then HF_TOKEN=… with a token that may read it; "
            "or --set backbone.model=FOLDER where it lies on this machine"
        )


def sources_are_there(asked: Asked) -> Iterator[str]:
    """Models, corpora, embedders and benchmarks: a path that is there, or a repository at a full commit."""
    experiment = asked.experiment
    backbone = experiment.backbone
    sources = {f"corpora.{n}": (one.path, one.revision) for n, one in enumerate(experiment.corpora)}
    if not backbone.is_gguf():
        sources["backbone"] = (backbone.model, backbone.revision)
    elif not backbone.model.startswith("package:") and local_path(backbone.model) is None:
        yield f"backbone: {backbone.model}: no such file"
    embedders: dict[str, EmbedderConfig | None] = {
        "train_agent.embedder": experiment.train_agent.embedder,
        "measure.embedder": experiment.measure.embedder,
    }
    sources |= {
        field: (one.model, one.revision) for field, one in embedders.items() if one and one.model != PACKAGED_EMBEDDER
    }
    for field, (location, revision) in sources.items():
        if local_path(location) is None:
            try:
                check_pinned(location, revision)
            except SourceError as error:
                yield f"{field}: {error}"
    for name in experiment.evaluate.benchmarks:
        try:
            benchmark.identity(name, experiment.evaluate.benchmark_data)
        except (SourceError, FileNotFoundError) as error:
            yield f"evaluate.benchmarks: {error}"


CHECKS: tuple[Check, ...] = (sources_are_there, hub_opens, batches_divide, gpus_are_there, models_fit)


def _less(kind: str) -> str:
    return {
        "finetune": "More GPUs (--set finetune.processes=4), or --set finetune.per_device_batch=1",
        "train_agent": "--set train_agent.verl.offload=true, fewer train_agent.verl.tokens_per_gpu, or more verl.gpus",
        "rewrite": "--set rewrite.tensor_parallel=2",
        "evaluate": "--set evaluate.tensor_parallel=2",
    }[kind]
