"""How pi_0's and a tuned model's weights are averaged, and what the stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class AverageConfig(BaseModel):
    """WiSE-FT's mixing coefficient."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(0.5, ge=0, le=1, description="Share of the tuned weights; the rest is pi_0's.")


class AverageSpec(BaseModel):
    """`backbone` and `tuned` are transformers folders; the average goes to out/model."""

    config: AverageConfig
    backbone: Path
    tuned: Path
    out: Path
