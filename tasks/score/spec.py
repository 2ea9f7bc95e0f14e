"""What the score stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel

from tasks.rows.precision import Dtype
from tasks.score.config import ScoreConfig


class ScoreSpec(BaseModel):
    """`rows` is a rows.jsonl; with `rewrites` (a rewrites.jsonl) its texts are scored instead, joined by id.

    `engines`: the environment variables of each process; to several the blocks are dealt.
    """

    config: ScoreConfig
    backbone: Path
    rows: Path
    rewrites: Path | None
    out: Path
    cuda: bool
    engines: list[dict[str, str]] = []


class CompareSpec(BaseModel):
    """`own`: how many of the rows the model answers itself; `max_new_tokens`: of such an answer."""

    backbone: Path
    rows: Path
    own: int
    max_new_tokens: int
    out: Path
    cuda: bool
    dtype: Dtype = "auto"
    seed: int = 0
