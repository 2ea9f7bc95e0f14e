"""What cannot work, said before anything is downloaded: by `plan`, and at the start of every run.

In:  the experiment of Mistral-7B with --preset one_gpu, one GPU of 80 GB
Out: "finetune takes 126 GB a GPU (state 116 GB) and h100-80 has 80: 46 GB too much. More GPUs …"

A check is a function of what was asked that yields a sentence for each thing that cannot work, with what to type. What
the fields' own bounds refuse never comes this far (flows/experiment.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.experiment import Experiment
from flows.placement import computing
from flows.plan import memory
from flows.plan.file_rows import rows_of_file
from flows.plan.plan import Machine
from flows.plan.table import table
from tasks.drift import texts
from tasks.evaluate import benchmark
from tasks.finetune.finetune import gpus as sft_gpus
from tasks.finetune.memory import host_bytes as sft_bytes
from tasks.rows.jsonl import RowError
from tasks.rows.memory import reading, sampling
from tasks.rows.source import SourceError, check_pinned, local_path
from tasks.runtime.placement.placement_check import lacking
from tasks.runtime.settings import ROOT, settings
from tasks.score.config import PACKAGED_EMBEDDER, EmbedderConfig
from tasks.train_agent.memory import host_bytes as agent_bytes


class CannotWork(ValueError):
    """A run that would fail hours later; a sentence for each reason, with what to type."""


@dataclass(frozen=True)
class Asked:
    """One experiment, what it would be computed on, and which kinds of stage are still to be made (None: all), each
    with its configs."""

    experiment: Experiment
    machine: Machine
    making: Mapping[str, Sequence[Any]] | None = None

    def makes(self, kind: str) -> bool:
        return self.making is None or kind in self.making


Check = Callable[[Asked], Iterator[str]]


def refusals(
    experiments: Sequence[Experiment], machine: Machine, making: Mapping[str, Sequence[Any]] | None = None
) -> list[str]:
    """Everything that cannot work, each sentence once.

    Args:
        making: configs by kind of stage of what is still to be made; what is in the store needs no GPU and no token.
    """
    found = (said for one in experiments for check in CHECKS for said in check(Asked(one, machine, making)))
    return list(dict.fromkeys(found))


def batches_divide(asked: Asked) -> Iterator[str]:
    """The optimiser's step over so many GPUs as there are (0 processes: all), for SFT and for GRPO."""
    sft, gpus = asked.experiment.finetune, asked.machine.gpus
    processes = sft.processes or max(1, gpus if asked.machine.gpu else 1)
    if asked.makes("finetune") and not sft.packing and sft.global_batch % (sft.per_device_batch * processes):
        fits = [n for n in range(processes, 0, -1) if sft.global_batch % (sft.per_device_batch * n) == 0]
        do = "--set finetune.packing=true" + (f", or --set finetune.processes={fits[0]}" if fits else "")
        yield (
            f"finetune.global_batch {sft.global_batch} is not a multiple of per_device_batch {sft.per_device_batch} x "
            f"{processes} {'GPUs' if asked.machine.gpu else 'processes'}: {do}"
        )
    agent = asked.experiment.train_agent
    if asked.makes("train_agent") and agent.engine == "verl":
        ranks = (agent.verl.gpus or max(1, gpus)) * agent.verl.machines
        rollouts = agent.prompts_per_step * agent.candidates
        if agent.prompts_per_step % agent.updates_per_step or rollouts // agent.updates_per_step % ranks:
            yield (
                f"train_agent: {rollouts} rewrites a step in {agent.updates_per_step} updates do not divide over "
                f"{ranks} GPUs: --set train_agent.verl.gpus=1, or another train_agent.prompts_per_step"
            )


def models_fit(asked: Asked) -> Iterator[str]:
    """Each stage's memory on the GPUs that are named, with the fewest rows at a time that it comes down to where memory
    runs out; where the model's shape is known."""
    gpu, experiment = asked.machine.gpu, asked.experiment
    model = memory.model_of(experiment.backbone)
    if gpu is None or model is None:
        return
    agent, here = experiment.train_agent, asked.machine.gpus
    least = max(1, agent.max_prompt_tokens + agent.max_new_tokens)
    verl = agent.verl.model_copy(update={"tokens_per_gpu": least})
    agent = agent.model_copy(update={"micro_batch": 1, "verl": verl})
    sfts = (asked.making or {}).get("finetune") or [experiment.finetune]
    for kind, config, gpus in (
        *(("finetune", one.model_copy(update={"per_device_batch": 1}), sft_gpus(one) or here) for one in sfts),
        ("train_agent", agent, agent.verl.gpus or here),
        ("rewrite", experiment.rewrite, experiment.rewrite.tensor_parallel),
        ("evaluate", experiment.evaluate, experiment.evaluate.tensor_parallel),
    ):
        need = memory.need(kind, config, model, max(1, gpus), gpu, experiment.sample.max_tokens)
        over = 0 if need is None else need.bytes - gpu.memory * memory.GB
        if need is not None and over > 0 and asked.makes(kind) and kind not in experiment.placement:
            yield (
                f"{kind} takes {need.bytes / memory.GB:.0f} GB a GPU ({need.told}) and {asked.machine.device} has "
                f"{gpu.memory:.0f}: {over / memory.GB:.0f} GB too much. "
                f"{_less(agent.engine if kind == 'train_agent' else kind)}"
            )


def memory_suffices(asked: Asked) -> Iterator[str]:
    """What holds the model on the cores of this machine, with the fewest rows at a time, where its shape is known."""
    experiment, model = asked.experiment, memory.model_of(asked.experiment.backbone)
    if asked.machine.device != "cpu" or model is None:
        return
    agent = experiment.train_agent.model_copy(update={"micro_batch": 1, "prompts_per_step": 1})
    sfts = [one.model_copy(update={"tokens_per_pass": 64}) for one in (asked.making or {}).get("finetune", ())]
    needs = {
        "finetune": max([0, *(sft_bytes(one, model.shape, "bfloat16") for one in sfts)]),
        "train_agent": agent_bytes(agent, model.shape, "bfloat16"),
        **dict.fromkeys(("rewrite", "self_solve", "measure", "evaluate"), sampling(model.shape, "bfloat16", 1)),
        **dict.fromkeys(("score", "read_base", "drift"), reading(model.shape, "bfloat16")),
    }
    has = settings().gib()
    for kind, needed in needs.items():
        if needed > has * 2**30 and asked.makes(kind) and kind not in experiment.placement:
            less = ", or --method lora_sft" if kind == "finetune" else ""
            needs_and_has = f"{needed / 2**30:.0f} GiB of memory and engines have {has} here (REWRITING_AGENT_MEMORY)"
            yield (
                f"{kind} takes {needs_and_has}: a machine with GPUs (--set placement.{kind}.pool=gpu, "
                f"docs/work_pools.md), a smaller model{less}"
            )


def gpus_are_there(asked: Asked) -> Iterator[str]:
    """Stages that compute here want no more GPUs than there are; work pools are asked when a run begins."""
    wanted = {stage: task.gpus(config) for stage, task, config in computing(asked.experiment) if asked.makes(stage)}
    if asked.machine.gpu and (said := lacking(asked.experiment.placement, wanted, asked.machine.gpus)):
        yield said


def hub_opens(asked: Asked) -> Iterator[str]:
    """A gated model on the hub is had with a token alone, unless it lies in the hub's cache."""
    config = asked.experiment.backbone
    known = table().models.get(config.model)
    if known is None or not known.gated or local_path(config.model) is not None or not asked.makes("backbone"):
        return
    from huggingface_hub import get_token, try_to_load_from_cache

    cached = try_to_load_from_cache(config.model, "config.json", revision=config.revision)
    if not get_token() and not isinstance(cached, str):
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
        if (folder := local_path(backbone.model)) is not None and (lacking := backbone.lacks(folder)):
            yield f"backbone: {backbone.model}: {lacking}"
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
    data = experiment.evaluate.benchmark_data
    if data is not None and not data.is_dir():
        yield f"evaluate.benchmark_data: {data}: no such folder"
        return
    for name in experiment.evaluate.benchmarks:
        try:
            benchmark.identity(name, experiment.evaluate.benchmark_data, experiment.evaluate.code_sandbox)
        except (SourceError, FileNotFoundError) as error:
            yield f"evaluate.benchmarks: {error}"


def passages_are_rows(asked: Asked) -> Iterator[str]:
    """General text of one's own for the thermometers: a file of JSON lines, packed or not, with their fields."""
    passages = asked.experiment.drift.passages
    if passages is None or not asked.makes("read_base"):
        return
    try:
        for _ in texts.passages(ROOT / passages):
            pass
    except RowError as error:
        yield f"drift.passages: {error}"
    except (OSError, EOFError) as error:
        yield f"drift.passages: {passages}: {getattr(error, 'strerror', None) or error}"


def rows_suffice(asked: Asked) -> Iterator[str]:
    """The sample fills its parts, as far as its size is known before a corpus is read: a file of one's own beside the
    paper's sizes is the usual way to get this wrong."""
    experiment = asked.experiment
    if not asked.makes("split"):
        return
    split, drawn = experiment.split, experiment.sample.rows
    read = [rows_of_file(one.path, one.files) for one in experiment.corpora]
    about = sum(read) if all(read) else drawn
    wanted = split.sft_rows + (split.held_out_rows + 1 if asked.makes("train_agent") else 0)
    if wanted > min(drawn, 2 * about):  # reckoned by the first lines, which may be longer than the others
        there = f"sample.rows={drawn}" if drawn <= about else f"corpora of about {about:,} rows"
        half, apart = min(drawn, about) * 9 // 20, min(drawn, about) // 20
        yield (
            f"{there} do not fill split.sft_rows={split.sft_rows}, split.held_out_rows={split.held_out_rows} and an "
            f"agent's rows: --set split.sft_rows={half} --set split.held_out_rows={apart} --set split.agent_rows="
            f"{half + apart}, or a file by `rewriting-agent init`, which fits them"
        )


CHECKS: tuple[Check, ...] = (
    sources_are_there,
    rows_suffice,
    passages_are_rows,
    hub_opens,
    batches_divide,
    gpus_are_there,
    models_fit,
    memory_suffices,
)


def _less(what: str) -> str:
    return {
        "finetune": "More GPUs (--set finetune.processes=4), or shorter rows (--set sample.max_tokens=4096)",
        "verl": "--set train_agent.verl.offload=true, less train_agent.vllm_memory, or more verl.gpus",
        "trl": "Less train_agent.vllm_memory, shorter rewrites (train_agent.max_new_tokens), or engine=verl",
        "rewrite": "--set rewrite.tensor_parallel=2",
        "evaluate": "--set evaluate.tensor_parallel=2",
    }[what]
