"""The average of pi_0's and a tuned model's weights: WiSE-FT. Nothing is trained.

In:  backbone  config.json, model.safetensors, …      model  model/ of finetune
Out: model/    (1 - share) theta_0 + share theta, readable by transformers and vLLM
"""

from pathlib import Path

from tasks.average.config import AverageConfig, AverageSpec
from tasks.runtime.engines.engine import run
from tasks.runtime.engines.spec import read_metrics
from tasks.runtime.stage import Metrics, stage


@stage(version=1, environment="sft", timeout_minutes=24 * 60)
def average(config: AverageConfig, out: Path, *, backbone: Path, model: Path) -> Metrics:
    """Average tensor by tensor, in float32, into the tuned model's dtype (Wortsman et al., arXiv 2109.01903).

    Returns:
        tensors, parameters.

    Raises:
        EngineError: the two models' tensors differ in names or shapes.
    """
    spec = AverageSpec(config=config, backbone=backbone, tuned=model / "model", out=out)
    run("sft", "tasks.average.engine", spec, out)
    return read_metrics(out)
