"""What the stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel

from tasks.drift.config import DriftConfig


class DriftSpec(BaseModel):
    """`texts` is a JSON lines file of tasks/drift/texts.py; `model` a transformers folder, pi_0's own for the base."""

    config: DriftConfig
    backbone: Path
    model: Path
    texts: Path
    out: Path
    cuda: bool
