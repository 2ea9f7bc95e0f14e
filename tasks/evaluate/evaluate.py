"""Evaluate a model on benchmarks (section 4.1, Appendix C) with lm-eval, one engine process for all of them.

In:  a model: config.json, model.safetensors, tokenizer.json, … (a backbone; of a fine-tuned model: model/)
Out: <benchmark>/answers.jsonl  {"id", "correct", "verdict", "reason", "extracted", "gold", "finished", "text", …}
     <benchmark>/scores.json    {"benchmark", "n", "correct", "accuracy", "low", "high", "undecided", …}
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.engine import run
from tasks.evaluate import benchmark
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.spec import EvaluateSpec
from tasks.jsonl import write_rows
from tasks.prompts import prompts_digest
from tasks.rewrite.variables import engine_variables
from tasks.settings import settings


def evaluate(config: EvaluateConfig, out: Path, *, backbone_or_model: Path) -> dict[str, Any]:
    """Evaluate on all of `config.benchmarks`, a folder each in `out`; goes on with what a killed attempt left.

    Returns:
        Per benchmark its accuracy, and its counts as <benchmark>_n, _undecided, _truncated and _overlong.

    Raises:
        SourceError: a benchmark's data cannot be had.
        EngineError: the engine failed.
    """
    scores = evaluate_benchmarks(config, {name: out / name for name in config.benchmarks}, out, backbone_or_model)
    metrics: dict[str, Any] = {}
    for name, score in scores.items():
        metrics[name] = score["accuracy"]
        metrics |= {f"{name}_{count}": score[count] for count in ("n", "undecided", "truncated", "overlong")}
    return metrics


def evaluate_benchmarks(
    config: EvaluateConfig, outs: Mapping[str, Path], work: Path, backbone_or_model: Path
) -> dict[str, dict[str, Any]]:
    """Evaluate on the benchmarks that `outs` names and whose folder there lacks scores.json, in one engine process.

    Args:
        outs: the folder for each benchmark's results.
        work: a folder for the engine's spec, log and unfinished blocks, in work/scratch.
        backbone_or_model: a transformers folder, or one with such a folder in model/.

    Returns:
        The scores of every benchmark in `outs`.
    """
    model = backbone_or_model / "model" if (backbone_or_model / "model").is_dir() else backbone_or_model
    missing = {name: folder for name, folder in outs.items() if not (folder / "scores.json").exists()}
    if missing:
        rows = work / "scratch" / "rows"
        rows.mkdir(parents=True, exist_ok=True)
        for name in missing:
            write_rows(rows / f"{name}.jsonl", benchmark.rows(name, config.benchmark_data, config.limit))
        cuda = settings().cuda()
        spec = EvaluateSpec(config=config, model=model, outs=missing, rows=rows, scratch=work / "scratch", cuda=cuda)
        run("inference", "tasks.evaluate.lm_eval_engine", spec, work, engine_variables(cuda, 0))
    return {name: json.loads((folder / "scores.json").read_text(encoding="utf-8")) for name, folder in outs.items()}


def identity(config: EvaluateConfig) -> dict[str, Any]:
    """What the scores depend on besides the config: the prompts, and each benchmark's definition and data."""
    benchmarks = {name: benchmark.identity(name, config.benchmark_data) for name in config.benchmarks}
    return {"prompts": prompts_digest(), "benchmarks": benchmarks}
