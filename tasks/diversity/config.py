"""What rewrites are compared by, and what the stage hands to its engine."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks.score.config import EmbedderConfig


class DiversityConfig(BaseModel):
    """The embedding f of eq. 9: the agent's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    embedder: EmbedderConfig = Field(default_factory=EmbedderConfig, description="Embeddings of eq. 9.")


class DiversitySpec(BaseModel):
    """`rewrites` and `verdicts` are files by shard and sample ("07-001"), `embedder` a folder or the packaged model."""

    rewrites: dict[str, Path]
    verdicts: dict[str, Path]
    embedder: str
    out: Path
    cuda: bool
