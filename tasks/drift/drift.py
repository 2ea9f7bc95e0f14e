"""The thermometers of forgetting: how far a model has moved from pi_0 on text that neither was trained on.

In:  base       what pi_0 read: tasks/drift/read_base.py
     model      a fine-tuned one (model/), or pi_0 again
Out: texts.jsonl    {"id", "thermometer": "general text: code", "tokens", "nll_base", "nll", "kl", "kl_reverse",
                     "agreement"}, or of "choices: mmlu" {…, "tokens", "correct_base", "correct"}

Accuracy moves when a model has already forgotten; NLL of general text and KL a token move before, on few texts, and
prefill alone computes them. KL(pi_0 || pi) is over pi_0's own answers: what the new model no longer would say.
"""

from pathlib import Path

from tasks.drift.config import DriftConfig
from tasks.drift.spec import DriftSpec
from tasks.rows.memory import on_cores, reading
from tasks.rows.model_folder import model_folder
from tasks.runtime.engines.engine import run
from tasks.runtime.engines.spec import read_metrics
from tasks.runtime.settings import settings
from tasks.runtime.stage import Metrics, stage


def memory(config: DriftConfig, *, base: Path, model: Path) -> int:
    """Bytes that its engine takes on a machine without GPUs, pi_0's head beside the model."""
    return on_cores(model_folder(model), config.dtype, reading) + (base / "head.safetensors").stat().st_size


@stage(version=2, environment="inference", gpus=1, memory=memory, timeout_minutes=24 * 60)
def drift(config: DriftConfig, out: Path, *, base: Path, model: Path) -> Metrics:
    """Compare `model` with pi_0, text by text; resumes block by block.

    Returns:
        texts, dtype.
    """
    spec = DriftSpec(config=config, base=base, model=model_folder(model), out=out, cuda=settings().cuda())
    run("inference", "tasks.drift.engine", spec, out)
    return read_metrics(out)
