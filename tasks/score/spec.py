"""What the score stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel

from tasks.rows.precision import Dtype
from tasks.score.config import ScoreConfig


class ScoreSpec(BaseModel):
    """`rows` is a rows.jsonl; with `rewrites` (a rewrites.jsonl) its texts are scored instead, joined by id.

    `processes`: how many score at once, each on a GPU of its own where there are GPUs.
    """

    config: ScoreConfig
    backbone: Path
    rows: Path
    rewrites: Path | None
    out: Path
    cuda: bool
    processes: int = 1


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
