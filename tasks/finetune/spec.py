"""What the stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel

from tasks.finetune.config import FinetuneConfig


class FinetuneSpec(BaseModel):
    """`rows` is a rows.jsonl, `backbone` a transformers folder, `processes` the number of training processes on each of
    `nodes` machines."""

    config: FinetuneConfig
    backbone: Path
    rows: Path
    out: Path
    processes: int
    cuda: bool
    nodes: int = 1

    @property
    def world(self) -> int:
        """Training processes on all machines."""
        return self.processes * self.nodes
