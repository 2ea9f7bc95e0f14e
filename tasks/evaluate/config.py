"""Settings of evaluation."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.generation.config import EngineConfig
from tasks.rows.precision import Dtype, dtype_field

PAPER_MATH = ("amc23", "agieval_math", "imo_answerbench", "math500", "minerva_math")
PAPER_GENERAL = ("mmlu", "mmlu_pro", "agieval")


class EvaluateConfig(EngineConfig):
    """Greedy generation through lm-eval, scored by tasks/verify."""

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
    limit: int | None = Field(
        default=None, ge=1, description="Only this many rows of each benchmark, chosen by a hash of their ids."
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
