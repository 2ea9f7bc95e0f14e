"""Evaluate a model on benchmarks (section 4.1, Appendix C) with lm-eval, one queue of the engines for all of them.

In:  a model: config.json, model.safetensors, tokenizer.json, … (a backbone; of a fine-tuned model: model/)
Out: an artifact each benchmark:
     answers.jsonl  {"id", "correct", "verdict", "reason", "extracted", "gold", "finished", "text", …}
     scores.json    {"benchmark", "n", "correct", "accuracy", "low", "high", "undecided", …}
     samples.jsonl  where answers are sampled too, for pass@k (tasks/evaluate/pass_at_k.py)
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tasks.evaluate import benchmark
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.spec import EvaluateSpec
from tasks.evaluate.view import view
from tasks.generation.variables import each_engine, engine_variables
from tasks.rows.jsonl import write_rows
from tasks.rows.memory import on_cores, reading, sampling
from tasks.rows.model_folder import model_folder
from tasks.rows.prompts import prompts_digest
from tasks.runtime.engines.engine import run
from tasks.runtime.settings import settings
from tasks.runtime.slots import Dealt
from tasks.runtime.stage import Metrics, stage


def identity(config: EvaluateConfig) -> dict[str, Any]:
    """What the scores depend on besides the config: the prompts, and each benchmark's definition and data."""
    told = config.benchmark_data, config.code_sandbox
    benchmarks = {name: benchmark.identity(name, *told) for name in config.benchmarks}
    return {"prompts": prompts_digest(), "benchmarks": benchmarks}


def cores(config: EvaluateConfig) -> int:
    """One an engine."""
    return config.engines


def gpus(config: EvaluateConfig) -> int | Dealt:
    """Those of as many engines as find room; transformers computes on one."""
    return Dealt(config.tensor_parallel) if config.backend == "vllm" else 1


def memory(config: Mapping[str, EvaluateConfig], *, model: Path) -> int:
    """Bytes that its engines take on a machine without GPUs."""
    one, folder = next(iter(config.values())), model_folder(model)
    if one.backend != "vllm":
        return on_cores(folder, one.dtype, reading)
    return one.engines * on_cores(folder, one.dtype, partial(sampling, sequences=one.batch))


@stage(
    version=2,
    environment="inference",
    cores=cores,
    gpus=gpus,
    memory=memory,
    identity=identity,
    batch=True,
    timeout_minutes=7 * 24 * 60,
    shows=view,
)
def evaluate(config: Mapping[str, EvaluateConfig], out: Mapping[str, Path], *, model: Path) -> dict[str, Metrics]:
    """Evaluate on the benchmarks whose scores the store lacks; goes on with what a killed attempt left.

    Args:
        config: by benchmark, the same but for its name and whether it is sampled (`EvaluateConfig.by_benchmark`).

    Returns:
        By benchmark its scores: accuracy, n, undecided, truncated, overlong, …

    Raises:
        SourceError: a benchmark's data cannot be had.
        EngineError: the engine failed.
    """
    sampling = next((one.sampling for one in config.values() if one.sampling), None)
    together = next(iter(config.values())).model_copy(update={"benchmarks": tuple(out), "sampling": sampling})
    return evaluate_benchmarks(together, out, next(iter(out.values())), model)


def evaluate_benchmarks(
    config: EvaluateConfig, outs: Mapping[str, Path], work: Path, backbone_or_model: Path
) -> dict[str, dict[str, Any]]:
    """Evaluate on the benchmarks that `outs` names and whose folder there lacks scores.json, in one engine process.

    Args:
        outs: the folder for each benchmark's results.
        work: a folder for the engine's spec and log, in work/scratch.
        backbone_or_model: a transformers folder, or one with such a folder in model/.

    Returns:
        The scores of every benchmark in `outs`.
    """
    missing = {name: folder for name, folder in outs.items() if not (folder / "scores.json").exists()}
    if missing:
        rows = work / "scratch" / "rows"
        rows.mkdir(parents=True, exist_ok=True)
        for name in missing:
            write_rows(rows / f"{name}.jsonl", benchmark.rows(name, config.benchmark_data, config.limit))
        cuda = settings().cuda()
        spec = EvaluateSpec(
            config=config,
            model=model_folder(backbone_or_model),
            outs=missing,
            rows=rows,
            cuda=cuda,
            engines=each_engine(cuda, config.tensor_parallel) if config.backend == "vllm" else [],
        )
        run("inference", "tasks.evaluate.lm_eval_engine", spec, work, engine_variables(cuda))
    return {name: json.loads((folder / "scores.json").read_text(encoding="utf-8")) for name, folder in outs.items()}
