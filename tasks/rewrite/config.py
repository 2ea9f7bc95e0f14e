"""Settings of rewriting inference, defaults as in Appendix E.3."""

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from tasks.generation.config import DealtEngineConfig
from tasks.rows.precision import Dtype, dtype_field


class RewriteConfig(DealtEngineConfig):
    """Greedy decoding with vLLM."""

    temperature: float = Field(default=0.0, ge=0, le=2, description="0: greedy decoding, as in the paper.")
    top_p: float = Field(default=1.0, gt=0, le=1, description="Nucleus of the sampling distribution.")
    max_new_tokens: int = Field(
        default=8192, ge=1, description="Most tokens of one output; an output cut off there does not pass the gate."
    )
    max_prompt_tokens: int = Field(
        default=16384,
        ge=1,
        description="Rows with a longer prompt are set aside and counted, never cut; a prompt must also leave room for "
        "max_new_tokens in the model's context.",
    )
    dtype: Dtype = dtype_field()
    seed: int = Field(default=0, ge=0, description="Seed of sampling; each row draws from its own stream.")
    hint: SkipJsonSchema[float | None] = Field(
        default=None,
        gt=0,
        le=100,
        description="Hinted decoding: of a token's prediction after the plain question, the share strength * entropy / "
        "ln(vocabulary), at most 1, is taken from the prediction after the rewriting prompt. None: that prompt alone.",
        json_schema_extra={"key": "unless default"},
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="Runs of rows that are artifacts of their own, for several machines: a work pool builds as many at "
        "once as it has workers; or to verify one while the next is written. All GPUs of one machine need no shards.",
    )
    shard: SkipJsonSchema[int] = Field(default=0, ge=0, description="Which part this is, from 0.")

    @model_validator(mode="after")
    def _shard_exists(self) -> "RewriteConfig":
        if self.shard >= self.shards:
            raise ValueError(f"shard {self.shard} of {self.shards}: shards count from 0")
        if self.hint is not None and self.temperature:
            raise ValueError("hint decodes greedily: set temperature=0, or no hint")
        return self
