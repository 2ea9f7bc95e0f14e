"""pi_0 reads the texts of the thermometers, once for all models that are compared with it.

In:  backbone   pi_0
     answers    pi_0's evaluation, by benchmark: answers.jsonl {"id", "text", "finished"}
Out: texts.jsonl    {"id", "thermometer": "general text: code", "ids": [1, 5, …], "start": 1, "options": []}, …
     states/, head.safetensors   pi_0's last hidden states and its head: tasks/drift/states.py
     skipped.jsonl  texts that are too long or hold a special token, with the reason

States take two bytes a dimension and token in bfloat16: of 448 texts SmolLM2-135M's are 0.1 GB, of a 7B model's 2,000
texts about 4 GB.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.drift.config import DriftConfig
from tasks.drift.spec import ReadSpec
from tasks.drift.texts import choices, own_answers, passages
from tasks.evaluate import benchmark
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.memory import on_cores, reading
from tasks.rows.prompts import prompts_digest
from tasks.runtime.engines.engine import run
from tasks.runtime.engines.spec import read_metrics
from tasks.runtime.files.digest import digest_file
from tasks.runtime.settings import ROOT, settings
from tasks.runtime.stage import Metrics, stage


def identity(config: DriftConfig) -> dict[str, Any]:
    """What the texts depend on besides config and inputs: the passages, and the prompts."""
    passages = None if config.passages is None else digest_file(ROOT / config.passages)
    return {"passages": passages, "prompts": prompts_digest()}


def memory(config: DriftConfig, *, backbone: Path, **_: Any) -> int:
    """Bytes that its engine takes on a machine without GPUs."""
    return on_cores(backbone, config.dtype, reading)


@stage(version=1, environment="inference", gpus=1, memory=memory, identity=identity, timeout_minutes=24 * 60)
def read_base(config: DriftConfig, out: Path, *, backbone: Path, answers: dict[str, Path]) -> Metrics:
    """Keep pi_0's states at every token that is compared; resumes block by block.

    Args:
        answers: pi_0's evaluation by benchmark, whose questions and answers are read again.

    Returns:
        texts, skipped, dtype.

    Raises:
        SourceError: a benchmark's data cannot be had.
    """
    texts = out / "scratch" / "texts.jsonl"
    write_rows(texts, _texts(config, answers))
    spec = ReadSpec(config=config, backbone=backbone, texts=texts, out=out, cuda=settings().cuda())
    run("inference", "tasks.drift.read_engine", spec, out)
    return read_metrics(out)


def _texts(config: DriftConfig, answers: dict[str, Path]) -> Iterator[Row]:
    if config.passages is not None:
        yield from passages(ROOT / config.passages)
    for name, folder in sorted(answers.items()):
        given = {row["id"]: row for row in read_rows(folder / "answers.jsonl")}
        rows = [row for row in benchmark.rows(name, config.benchmark_data) if row["id"] in given]
        yield from own_answers(name, rows, given, config.answers)
        yield from choices(name, rows, config.choices)
