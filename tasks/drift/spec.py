"""What the stages hand to their engines."""

from pathlib import Path

from pydantic import BaseModel

from tasks.drift.config import DriftConfig


class ReadSpec(BaseModel):
    """`texts` is a JSON lines file of tasks/drift/texts.py."""

    config: DriftConfig
    backbone: Path
    texts: Path
    out: Path
    cuda: bool


class DriftSpec(BaseModel):
    """`base` is what pi_0 read (tasks/drift/states.py); `model` a transformers folder, pi_0's own for the base."""

    config: DriftConfig
    base: Path
    model: Path
    out: Path
    cuda: bool
