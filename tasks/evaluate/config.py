"""Settings of evaluation."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from tasks.generation.config import DealtEngineConfig
from tasks.rows.precision import Dtype, dtype_field

PAPER_MATH = ("amc23", "agieval_math", "imo_answerbench", "math500", "minerva_math")
PAPER_GENERAL = ("mmlu", "mmlu_pro", "agieval")


class SamplingConfig(BaseModel):
    """Answers that are sampled to a question beside the greedy one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: int = Field(default=16, ge=2, le=1000, description="To each question; pass@k is told up to this k.")
    temperature: float = Field(
        default=0.8, gt=0, le=2, description="0.8 is what Chen et al. (2021) found best for many samples; nucleus 1."
    )
    benchmarks: Literal["downstream", "all"] = Field(
        default="downstream",
        description="Whose questions: the downstream benchmarks', or the general ones' too; none of those by "
        "likelihood, whose answers are not written.",
        json_schema_extra={"key": False},  # a benchmark's own config has no sampling where it is not asked for
    )


class EvaluateConfig(DealtEngineConfig):
    """Greedy generation through lm-eval, scored by tasks/verify."""

    benchmarks: tuple[str, ...] = Field(
        default=PAPER_MATH + PAPER_GENERAL,
        min_length=1,
        description="Benchmarks by name: a YAML file each under tasks/evaluate/benchmarks.",
    )
    backend: Literal["vllm", "hf"] = Field(default="vllm", description="What generates: vLLM, or plain transformers.")
    max_new_tokens: int = Field(
        default=8192,
        ge=1,
        description="Most tokens of one answer, as long as a target may be: under a shorter limit a model that writes "
        "longer would count as one that forgot. The paper gives none; cut-off answers are counted.",
    )
    dtype: Dtype = dtype_field()
    limit: int | None = Field(
        default=None, ge=1, description="Only this many rows of each benchmark, chosen by a hash of their ids."
    )
    sampling: SkipJsonSchema[SamplingConfig | None] = Field(
        default=None,
        description="Samples answers for pass@k, off by default; 16 answers write 17 times as much.",
        json_schema_extra={"key": "unless default"},
    )
    benchmark_data: Path | None = Field(
        default=None,
        description="Folder with <file>.jsonl.gz of the paper's benchmarks, as named in their YAML files; without it "
        "they are downloaded at a pinned revision.",
        json_schema_extra={"key": False},
    )
    code_sandbox: bool = Field(
        default=False,
        description="humaneval, mbpp: allow what a model wrote to be run, in a sandbox of this machine's kernel.",
        json_schema_extra={"key": False},
    )

    def by_benchmark(self) -> dict[str, "EvaluateConfig"]:
        """The same config for each benchmark alone: what an artifact of scores depends on.

        Raises SourceError where answers are sampled and there is no such benchmark.
        """
        own = {name: {"benchmarks": (name,), "sampling": self.sampling_of(name)} for name in self.benchmarks}
        return {name: self.model_copy(update=of) for name, of in own.items()}

    def sampling_of(self, name: str) -> SamplingConfig | None:
        """How a benchmark's answers are sampled; None where they are not: of others than were asked for, or where they
        are not written but compared by likelihood."""
        if self.sampling is None:
            return None
        from tasks.evaluate.benchmark import benchmark

        of = benchmark(name)
        asked = self.sampling.benchmarks == "all" or of.group == "math"
        return self.sampling if asked and not of.likelihood else None

    @model_validator(mode="after")
    def _vllm_samples(self) -> "EvaluateConfig":
        if self.sampling is not None and self.backend != "vllm":
            raise ValueError("sampling: backend=hf answers greedily alone; take backend=vllm, or no sampling")
        return self
