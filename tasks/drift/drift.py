"""The thermometers of forgetting: how far a model has moved from pi_0 on text that neither was trained on.

In:  backbone   pi_0; model: a fine-tuned one (model/), or pi_0 again
     answers    pi_0's evaluation, by benchmark: answers.jsonl {"id", "text", "finished"}
Out: texts.jsonl    {"id", "thermometer": "general text: code", "tokens", "nll_base", "nll", "kl", "kl_reverse",
                     "agreement"}, or of "choices: mmlu" {…, "tokens", "correct_base", "correct"}
     skipped.jsonl  texts that are too long or hold a special token, with the reason

Accuracy moves when a model has already forgotten; NLL of general text and KL a token move before, on few texts, and
prefill alone computes them. KL(pi_0 || pi) is over pi_0's own answers: what the new model no longer would say.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.drift.config import DriftConfig
from tasks.drift.spec import DriftSpec
from tasks.drift.texts import choices, own_answers, passages
from tasks.evaluate import benchmark
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.prompts import prompts_digest
from tasks.runtime.digest import digest_file
from tasks.runtime.engine import run
from tasks.runtime.settings import ROOT, settings
from tasks.runtime.spec import read_metrics
from tasks.runtime.stage import Metrics, stage


def identity(config: DriftConfig) -> dict[str, Any]:
    """What the figures depend on besides config and inputs: the passages, and the prompts."""
    passages = None if config.passages is None else digest_file(ROOT / config.passages)
    return {"passages": passages, "prompts": prompts_digest()}


@stage(version=1, environment="inference", gpus=1, identity=identity, timeout_minutes=24 * 60)
def drift(config: DriftConfig, out: Path, *, backbone: Path, model: Path, answers: dict[str, Path]) -> Metrics:
    """Compare `model` with pi_0, text by text; resumes block by block.

    Args:
        answers: pi_0's evaluation by benchmark, whose questions and answers are read again.

    Returns:
        texts, skipped, dtype.

    Raises:
        SourceError: a benchmark's data cannot be had.
    """
    texts = out / "scratch" / "texts.jsonl"
    write_rows(texts, _texts(config, answers))
    folder = model / "model" if (model / "model").is_dir() else model
    spec = DriftSpec(config=config, backbone=backbone, model=folder, texts=texts, out=out, cuda=settings().cuda())
    run("inference", "tasks.drift.engine", spec, out)
    return read_metrics(out)


def _texts(config: DriftConfig, answers: dict[str, Path]) -> Iterator[Row]:
    if config.passages is not None:
        yield from passages(ROOT / config.passages)
    for name, folder in sorted(answers.items()):
        given = {row["id"]: row for row in read_rows(folder / "answers.jsonl")}
        rows = [row for row in benchmark.rows(name, config.benchmark_data) if row["id"] in given]
        yield from own_answers(name, rows, given, config.answers)
        yield from choices(name, rows, config.choices)
