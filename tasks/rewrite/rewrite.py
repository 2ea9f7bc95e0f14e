"""Rewrite the expert's solutions, or let pi_0 solve the questions itself, with vLLM (Appendix E.3); with a `hint`
decode from both prompts at once, with transformers.

In:  backbone  config.json, model.safetensors, tokenizer.json, …
     adapter   adapter/adapter_config.json, adapter/adapter_model.safetensors   (the agent; none: pi_0 itself)
     rows      rows.jsonl: {"id", "question", "solution"}
Out: of each part (a shard, a sampling of it), all from one queue of the engines, one a free GPU, which start once
     rewrites.jsonl    {"id": "numinamath_cot/3f2a91c0", "text": "Step 1: …", "finished": true, "tokens": 87}
     quarantine.jsonl  rows whose prompt is too long or spells out a special token
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from tasks.generation.variables import each_engine, engine_variables
from tasks.rewrite.config import RewriteConfig
from tasks.rewrite.spec import RewriteSpec
from tasks.rows.memory import CACHE_GIB, on_cores, reading, sampling
from tasks.rows.model_folder import model_folder
from tasks.rows.prompts import prompts_digest
from tasks.runtime.engines.engine import run
from tasks.runtime.engines.spec import read_metrics
from tasks.runtime.settings import settings
from tasks.runtime.slots import Dealt
from tasks.runtime.stage import Metrics, stage


def cores(config: RewriteConfig) -> int:
    """One an engine."""
    return config.engines


def gpus(config: RewriteConfig) -> Dealt:
    """Those of as many engines as find room."""
    return Dealt(config.tensor_parallel)


def memory(config: Mapping[str, RewriteConfig], *, backbone: Path, **_: Path | None) -> int:
    """Bytes that its engines take on a machine without GPUs."""
    one, model = next(iter(config.values())), model_folder(backbone)
    if one.hint is not None:  # with transformers, whose keys and values are taken to be as many as vLLM's
        return one.engines * (on_cores(model, one.dtype, reading) + CACHE_GIB * 2**30)
    return one.engines * on_cores(model, one.dtype, partial(sampling, sequences=one.batch))


@stage(
    version=2,
    environment="inference",
    cores=cores,
    gpus=gpus,
    memory=memory,
    identity=prompts_digest,
    batch=True,
    timeout_minutes=7 * 24 * 60,
)
def rewrite(
    config: Mapping[str, RewriteConfig],
    out: Mapping[str, Path],
    *,
    backbone: Path,
    rows: Path,
    adapter: Path | None = None,
) -> dict[str, Metrics]:
    """One rewrite a row of each part, by the adapter where there is one (eq. 1), else by pi_0 with the template.

    Args:
        config: by part, the same but for shard, seed and temperature.

    Returns:
        By part: rows, written, finished, prompt_too_long, bad (both set aside), output_tokens.

    Raises:
        EngineError: vLLM failed.
    """
    return _generate("rewrite", config, out, backbone, rows, adapter)


@stage(
    version=2,
    environment="inference",
    cores=cores,
    gpus=gpus,
    memory=memory,
    identity=prompts_digest,
    batch=True,
    timeout_minutes=7 * 24 * 60,
)
def self_solve(
    config: Mapping[str, RewriteConfig], out: Mapping[str, Path], *, backbone: Path, rows: Path
) -> dict[str, Metrics]:
    """The model's own solution of each question of each part, from the plain question prompt: pi_0's (Mind the Gap,
    Appendix D), or a tuned model's of the rows that validate it."""
    return _generate("self_solve", config, out, backbone, rows, None)


def _generate(
    prompt: Literal["rewrite", "self_solve"],
    config: Mapping[str, RewriteConfig],
    out: Mapping[str, Path],
    backbone: Path,
    rows: Path,
    adapter: Path | None,
) -> dict[str, Metrics]:
    hint = next(iter(config.values())).hint
    if hint is not None and adapter is not None:
        raise ValueError("rewrite.hint mixes pi_0 with itself: it goes with targets.rewriter backbone, not agent")
    cuda = settings().cuda()
    spec = RewriteSpec(
        configs=config,
        outs=out,
        prompt=prompt,
        backbone=model_folder(backbone),
        adapter=adapter / "adapter" if adapter is not None and (adapter / "adapter").is_dir() else adapter,
        rows=rows / "rows.jsonl",
        cuda=cuda,
        engines=each_engine(cuda, next(iter(config.values())).tensor_parallel),
    )
    engine = "vllm_engine" if hint is None or prompt == "self_solve" else "hinted_engine"
    work = next(iter(out.values()))  # where spec and log go
    run("inference", f"tasks.rewrite.{engine}", spec, work, engine_variables(cuda))
    return {part: read_metrics(folder) for part, folder in out.items()}
