"""What a run of a stage is called, in the UI, in the log and in its manifest.

("corpus", {"config": CorpusConfig(name="numinamath_cot", …)}, [])                 corpus numinamath_cot
("rewrite", {"config": RewriteConfig(shards=2, shard=1, …), "adapter": …}, …)      rewrite shard 1 + adapter (sft/0)
("drift", {"config": DriftConfig(…), …}, ["sft/0", "rate 0.0008"])                 drift (rate 0.0008, sft/0)
"""

from collections.abc import Iterable
from typing import Any

from prefect.context import TaskRunContext
from prefect.runtime import task_run
from pydantic import BaseModel

from tasks.runtime.store.names import asked_by

TELLING = ("name", "part", "loss", "shard", "seed")  # config fields that tell a stage's runs apart in the UI


def task_run_name() -> str:
    """What the UI calls the task's run that is beginning; the same as while it waited."""
    context = TaskRunContext.get()
    assert context is not None
    return title_of(context.task.fn.__name__, dict(task_run.parameters), task_run.tags)


def title_of(name: str, given: dict[str, Any], tags: Iterable[str]) -> str:
    """What a run of the stage `name` with these parameters is called.

    In brackets its tags: the method or variant, the seed and, in a study over rates, the rate that asked for it. The
    seed is called as it was asked for: a config may count from another one (SFT's from 42). Without a tag it is told
    where it is not the default. Of a stage of several artifacts is told what their configs have in common.
    """
    config, asked = given.get("config"), asked_by(tags)[1]
    configs = list(config.values()) if isinstance(config, dict) else [config]
    config = configs[0]
    if asked is None and isinstance(config, BaseModel) and "seed" in type(config).model_fields:
        seed = config.seed  # type: ignore[attr-defined]
        asked = None if seed == type(config).model_fields["seed"].default else seed
    said = [name]
    for field in TELLING:
        value = getattr(config, field, None)
        if any(getattr(one, field, None) != value for one in configs) or (
            field == "shard" and getattr(config, "shards", 1) == 1
        ):
            continue
        if field == "seed" and value is not None:
            value = asked
        if value is not None:
            said.append(f"{field} {value}" if isinstance(value, int) else str(value))
    if getattr(config, "tokenizer_only", False):
        said.append("tokenizer")
    if given.get("adapter") is not None:
        said.append("+ adapter")
    if tags:
        said.append(f"({', '.join(sorted(tags))})")
    return " ".join(said)
