"""What the stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel

from tasks.finetune.config import FinetuneConfig


class FinetuneSpec(BaseModel):
    """`rows` is a rows.jsonl, `backbone` a transformers folder, `processes` the number of training processes."""

    config: FinetuneConfig
    backbone: Path
    rows: Path
    out: Path
    processes: int
    cuda: bool
