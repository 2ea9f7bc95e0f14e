"""Settings of the thermometers of forgetting."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from tasks.rows.precision import Dtype, dtype_field


class DriftConfig(BaseModel):
    """Next-token distributions of a model beside those of pi_0, on text that neither was trained on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    passages: Path | None = Field(
        default=Path("infra/passages/general.jsonl.gz"),
        description="General text, JSON lines of id, domain and text; empty: none (a toy model reads its world alone).",
        json_schema_extra={"key": False},
    )
    answers: int = Field(
        default=64,
        ge=0,
        le=10_000,
        description="pi_0's own answers that are read again, of each benchmark, chosen by a hash of their ids.",
    )
    choices: int = Field(
        default=256,
        ge=0,
        le=100_000,
        description="Multiple-choice questions that are answered by likelihood, without generation, of each benchmark.",
    )
    letters: SkipJsonSchema[bool] = Field(
        default=False,
        description="Keep the likelihood of each letter of the choices, for the report's calibration.",
        json_schema_extra={"key": "unless default"},
    )
    max_tokens: int = Field(
        default=2048, ge=16, description="Longer texts, prompt included, are left out and counted, never cut."
    )
    benchmark_data: SkipJsonSchema[Path | None] = Field(
        default=None,
        description="Folder of the benchmarks' data, that of `evaluate`.",
        json_schema_extra={"key": False},
    )
    dtype: Dtype = dtype_field()
    tokens_per_batch: int | None = Field(
        default=None,
        ge=64,
        description="Padded tokens in one forward pass; empty: 3072 on CPU, 32768 on CUDA.",
        json_schema_extra={"key": False},
    )
