"""Settings of measuring a rewriter on held-out rows."""

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from tasks.generation.config import EngineConfig
from tasks.rewards.config import DIVERSITY_OF
from tasks.rows.precision import Dtype, dtype_field
from tasks.score.config import EmbedderConfig
from tasks.verify.gate import GateConfig


class MeasureConfig(EngineConfig):
    """How well an agent, or pi_0 without one, rewrites rows that it was not trained on."""

    gate: SkipJsonSchema[GateConfig] = Field(
        default_factory=GateConfig, description="Task consistency: answers and judge (eq. 5)."
    )
    embedder: EmbedderConfig | None = Field(
        default=None,
        description="Embeddings of D(S+); empty: those of training. Others judge by what no agent was trained on.",
    )
    candidates: int = Field(default=10, ge=1, le=64, description="Rewrites sampled of each row, as in training.")
    temperature: float = Field(default=1.0, ge=0, le=2, description="Of the sampling, as in training.")
    max_prompt_tokens: int = Field(
        default=2048, ge=16, description="Rows with a longer prompt are left out and counted."
    )
    max_new_tokens: int = Field(default=4096, ge=8, description="Most tokens of one rewrite.")
    diversity_of: int = Field(
        default=DIVERSITY_OF,
        ge=2,
        le=64,
        description="D(S+) is averaged over the rows with at least this many passing rewrites.",
    )
    dtype: Dtype = dtype_field()
    rows_per_batch: int = Field(
        default=16, ge=1, description="Rows whose rewrites are scored together.", json_schema_extra={"key": False}
    )
    seed: int = Field(default=0, ge=0, description="Of the sampling: the same for every agent that is compared.")
