"""What the stages hand to their engine."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from tasks.rewrite.config import RewriteConfig


class RewriteSpec(BaseModel):
    """`rows` is a rows.jsonl, `backbone` a transformers folder, `adapter` a PEFT folder.

    `prompt`: "rewrite" asks with x, y* and the rewriting prompt, "self_solve" with the plain question.
    """

    config: RewriteConfig
    prompt: Literal["rewrite", "self_solve"]
    backbone: Path
    adapter: Path | None
    rows: Path
    out: Path
    cuda: bool
