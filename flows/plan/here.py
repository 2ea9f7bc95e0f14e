"""What this machine lacks for a run that is to begin on it: else the run would say so when hours were computed.

In:  the plan of Mistral-7B's run, in a checkout without .envs/verl, 80 GB free beside the store
Out: ["train_agent needs the environment 'verl': run `make setup-verl`", "this run takes 367 GB (…), and …"]
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flows.experiment import Experiment
from flows.plan.lengths import solutions
from flows.plan.memory import GB, disk, model_of
from flows.plan.table import on_the_hub
from tasks.runtime.files.full_disk import free, nearest
from tasks.runtime.planning import Walk
from tasks.runtime.settings import settings

# A checkpoint of full-parameter SFT, bytes a parameter: float32 weights, two moments, bfloat16 weights. Two lie there
# while one is written.
CHECKPOINT, AT_ONCE = 14.0, 2


def lacking(walk: Walk, experiments: Sequence[Experiment]) -> list[str]:
    """A sentence for each thing, with what to type. Of kinds of stage that work pools build nothing is asked."""
    elsewhere = {kind for one in experiments for kind in one.placement}
    steps = [step for step in walk.stages if step.kind not in elsewhere and not step.cached]
    return [*_environments(steps), *_room(steps, experiments, nearest(walk.home.root))]


def _environments(steps: Sequence[Any]) -> Iterator[str]:
    needs: dict[str, str] = {}
    for step in steps:
        for part in step.missing().values():
            needs.setdefault(part.manifest.environment["name"], step.kind)
    for name, kind in needs.items():
        if not (settings().environments / name / "bin" / "python").exists():
            yield f"{kind} needs the environment {name!r}: run `make setup-{name}`"


def _room(steps: Sequence[Any], experiments: Sequence[Experiment], store: Path) -> Iterator[str]:
    """Models, the checkpoints that lie beside one while it is tuned, corpora; other text is little beside them."""
    shapes = [shape for one in experiments if (shape := model_of(one.backbone)) is not None]
    largest = max(shapes, key=lambda one: one.parameters, default=None)
    tuned = [step for step in steps if step.kind in ("finetune", "average")]
    read = [step.config for step in steps if step.kind == "corpus"]
    takes: dict[str, float] = {}
    if largest is not None and tuned:
        each = [disk(one.kind, one.config, largest, 0, 0) * len(one.missing()) for one in tuned]
        takes[f"{len(tuned)} models"] = sum(each)
        if any(step.kind == "finetune" and not step.config.lora_rank for step in tuned):
            takes["checkpoints"] = AT_ONCE * CHECKPOINT * largest.parameters
    if read:
        texts = [solutions(one) for one in read]
        takes["corpora"] = sum(disk("corpus", None, None, one.rows, one.rows * one.tokens) for one in texts)
    from_hub = {one.path: known.download for one in read if (known := on_the_hub(one.path, one.files))}
    cache = _hub_cache() if from_hub else store
    downloads = sum(max(0.0, whole - _downloaded(cache, path)) for path, whole in from_hub.items())
    if nearest(cache).stat().st_dev == store.stat().st_dev:
        takes |= {"their download": downloads} if downloads else {}
    elif downloads > (has := free(cache)):
        yield (
            f"the corpora's download takes {downloads / GB:.0f} GB, and {cache} has {has / GB:.0f} GB free: "
            "HF_HOME=FOLDER on a larger disk"
        )
    if sum(takes.values()) > (has := free(store)):
        told = ", ".join(f"{what} {bytes_ / GB:.0f} GB" for what, bytes_ in takes.items())
        yield (
            f"this run takes {sum(takes.values()) / GB:.0f} GB ({told}), and {store} has {has / GB:.0f} GB free: "
            "REWRITING_AGENT_STORE=FOLDER on a larger disk, or `rewriting-agent store prune`"
        )


def _hub_cache() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _downloaded(cache: Path, repository: str) -> int:
    """Bytes of a dataset that lie in the hub's cache."""
    from huggingface_hub.file_download import repo_folder_name

    blobs = cache / repo_folder_name(repo_id=repository, repo_type="dataset") / "blobs"
    return sum(one.stat().st_size for one in blobs.glob("*") if one.is_file())
