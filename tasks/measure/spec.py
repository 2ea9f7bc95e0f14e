"""What the stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel

from tasks.measure.config import MeasureConfig


class MeasureSpec(BaseModel):
    """`adapter` is a PEFT folder; None measures pi_0 itself as a rewriter."""

    config: MeasureConfig
    backbone: Path
    adapter: Path | None
    rows: Path
    embedder: str
    out: Path
    cuda: bool
