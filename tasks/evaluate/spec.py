"""What the stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel

from tasks.evaluate.config import EvaluateConfig


class EvaluateSpec(BaseModel):
    """`outs`: the folder each benchmark's results go to; `rows`: a folder with <benchmark>.jsonl; `model`: a model.

    `engines`: the environment variables of each at work; to several the rows are dealt.
    """

    config: EvaluateConfig
    model: Path
    outs: dict[str, Path]
    rows: Path
    cuda: bool
    engines: list[dict[str, str]] = []
