"""What the score stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel

from tasks.score.config import ScoreConfig


class ScoreSpec(BaseModel):
    """`rows` is a rows.jsonl; with `rewrites` (a rewrites.jsonl) its texts are scored instead, joined by id."""

    config: ScoreConfig
    backbone: Path
    rows: Path
    rewrites: Path | None
    out: Path
    cuda: bool
