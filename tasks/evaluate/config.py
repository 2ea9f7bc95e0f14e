"""Settings of evaluation."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.rows.precision import Dtype, dtype_field

PAPER_MATH = ("amc23", "agieval_math", "imo_answerbench", "math500", "minerva_math")
PAPER_GENERAL = ("mmlu", "mmlu_pro", "agieval")


class EvaluateConfig(BaseModel):
    """Greedy generation through lm-eval, scored by tasks/verify."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    benchmarks: tuple[str, ...] = Field(
        default=PAPER_MATH + PAPER_GENERAL,
        min_length=1,
        description="Benchmarks by name: a YAML file each under tasks/evaluate/benchmarks.",
    )
    backend: Literal["vllm", "hf"] = Field(default="vllm", description="What generates: vLLM, or plain transformers.")
    max_new_tokens: int = Field(
        default=4096, ge=1, description="Most tokens of one answer; the paper gives none. Cut-off answers are counted."
    )
    dtype: Dtype = dtype_field()
    batch: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="Most sequences generated at once; empty: as many as vLLM takes, 256 with transformers.",
        json_schema_extra={"key": False},
    )
    block: int = Field(
        default=1024,
        ge=1,
        description="With transformers, and in float32 on a CPU: answers that are written at once. Elsewhere each "
        "is written as it ends.",
        json_schema_extra={"key": False},
    )
    limit: int | None = Field(
        default=None, ge=1, description="Only this many rows of each benchmark, chosen by a hash of their ids."
    )
    tensor_parallel: int = Field(
        default=1, ge=1, le=64, description="GPUs one engine spreads the model over.", json_schema_extra={"key": False}
    )
    gpu_memory_utilization: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="Share of the GPU's memory that vLLM may use.",
        json_schema_extra={"key": False},
    )
    benchmark_data: Path | None = Field(
        default=None,
        description="Folder with <file>.jsonl.gz of the paper's benchmarks, as named in their YAML files; without it "
        "they are downloaded at a pinned revision.",
        json_schema_extra={"key": False},
    )

    def by_benchmark(self) -> dict[str, "EvaluateConfig"]:
        """The same config for each benchmark alone: what an artifact of scores depends on."""
        return {name: self.model_copy(update={"benchmarks": (name,)}) for name in self.benchmarks}
