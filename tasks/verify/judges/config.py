"""Which judge, and what its verdicts depend on.

In:  JudgeConfig(kind="openai", url="http://judge:8000/v1", model="Qwen/Qwen3-30B-A3B-Instruct-2507")
Out: config.identity(): "openai/Qwen/Qwen3-30B-A3B-Instruct-2507/prompt=1,votes=1,…+arithmetic/3"
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tasks.verify.arithmetic import arithmetic
from tasks.verify.arithmetic.arithmetic import ArithmeticJudge
from tasks.verify.judges import judge_prompt, self_prompt
from tasks.verify.judges.model_digest import folder_digest

DEFAULT_MODEL = "Qwen/Qwen3-30B-A3B-Instruct-2507"

_RUNTIME: dict[str, Any] = {"key": False}


class JudgeConfig(BaseModel):
    """The judge of the task-consistency gate (section 3.4.1). The paper names no model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["arithmetic", "self", "openai", "local"] = Field(
        default="self",
        description="self: the frozen backbone answers YES or NO, one forward pass, no further model. openai: a "
        "stronger model behind an OpenAI-compatible endpoint, recommended where a GPU is free for it. local: a model "
        "in this machine's inference environment. arithmetic: computes every stated equality, no model; for arithmetic "
        "word problems alone.",
    )
    margin: float = Field(
        default=0.0,
        ge=-100,
        le=100,
        allow_inf_nan=False,
        description="self: valid where log P(YES) - log P(NO) of the answer's first token is at least this, in nats. "
        "0 compares the two; more lets less pass.",
    )
    require_step: bool = Field(
        default=True,
        description="arithmetic alone: a solution that states no checkable equality is invalid (else an agent learns "
        "to write no reasoning). It costs little on word problems (2.9 % of GSM8K's own solutions are refused for it) "
        "and half of everything else: 53 % of NuminaMath's, 48 % of MATH's, 38 % of OpenMathInstruct-2's. Of labelled "
        "solutions with a right answer it refuses 30 % of the valid and 45 % of the invalid ones. A filter before a "
        "model never requires a step.",
    )
    allow_unfit: bool = Field(
        default=False,
        description="arithmetic alone: judge even where it refuses over a fifth of the rows' own expert solutions.",
        json_schema_extra=_RUNTIME,
    )
    prefilter: bool = Field(
        default=True,
        description="A model judge is asked only about solutions without a false equality. The filter refuses 1.3 % of "
        "labelled valid solutions with a right answer (half of them state something false all the same), 8 % of the "
        "invalid ones, and 2.4 % of NuminaMath's own solutions.",
    )
    rubric: str | None = Field(
        default=None,
        min_length=1,
        description="What makes a text valid, in place of the rules for mathematics: 'it answers the customer's "
        "question and promises nothing that the reference does not'. Not read by kind arithmetic. Empty: mathematics; "
        "with another gate.verifier than math a general rubric.",
    )
    model: str = Field(
        default=DEFAULT_MODEL,
        min_length=1,
        description="Name or folder of the judge's model. self: the backbone's, except in judge-eval: a folder.",
    )
    revision: str | None = Field(default=None, description="Revision of the model on the hub.")
    backend: Literal["vllm", "transformers"] = Field(
        default="vllm",
        description="local, and self outside of a training: what computes the model. vLLM holds a local model's "
        "replies to the verdict's JSON schema.",
    )
    url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="openai: base URL, say http://host:8000/v1. Empty: the run starts the model with vllm serve.",
        json_schema_extra=_RUNTIME,
    )
    api_key_env: str = Field(
        default="REWRITING_AGENT_JUDGE_API_KEY",
        pattern=r"^[A-Z_][A-Z0-9_]*$",  # a key itself holds small letters
        description="Environment variable that holds the endpoint's API key; the key itself is never configured.",
        json_schema_extra=_RUNTIME,
    )
    votes: int = Field(default=1, ge=1, le=15, description="Verdicts a row; the strict majority decides. Odd.")
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="Of the model's verdicts. Empty: 0 for one vote, 0.7 for several."
    )
    max_tokens: int = Field(default=1024, ge=16, le=32768, description="Longest reply of the model.")
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="Further fields of each request; null removes one that is sent by default."
    )
    concurrency: int = Field(
        default=64, ge=1, le=4096, description="Calls in flight at most; fewer while the service says it is busy.",
        json_schema_extra=_RUNTIME,
    )  # fmt: skip
    deadline_s: float = Field(
        default=300.0, gt=0, le=86400, description="Seconds after which a row is given up without a verdict.",
        json_schema_extra=_RUNTIME,
    )  # fmt: skip
    attempt_s: float = Field(
        default=120.0, gt=0, le=86400, description="Seconds after which one call is given up and tried again.",
        json_schema_extra=_RUNTIME,
    )  # fmt: skip
    startup_s: float = Field(
        default=1200.0, gt=0, le=86400, description="Seconds that a judge may take until it answers its health check.",
        json_schema_extra=_RUNTIME,
    )  # fmt: skip
    context: int = Field(
        default=16384, ge=512, description="Tokens of prompt and reply together, where the run starts the model.",
        json_schema_extra=_RUNTIME,
    )  # fmt: skip
    tensor_parallel: int = Field(
        default=1, ge=1, le=64, description="GPUs that the model is spread over, where the run starts it.",
        json_schema_extra=_RUNTIME,
    )  # fmt: skip
    gpus: str | None = Field(
        default=None,
        pattern=r"^\d+(,\d+)*$",
        description="GPUs of the judge beside a training, say 3 or 2,3: such that no other stage is given "
        "(REWRITING_AGENT_GPUS). Empty: all that the training has.",
        json_schema_extra=_RUNTIME,
    )
    cache: Path | None = Field(
        default=None,
        description="File that keeps verdicts of model judges. Empty: verdicts.sqlite in the store's cache folder.",
        json_schema_extra=_RUNTIME,
    )

    @field_validator("gpus", mode="before")
    @classmethod
    def _one_gpu_is_a_number(cls, gpus: Any) -> Any:
        """`--set gate.judge.gpus=3` is read as YAML: a number, where "2,3" is a text."""
        return str(gpus) if isinstance(gpus, int) and not isinstance(gpus, bool) else gpus

    @model_validator(mode="after")
    def _consistent(self) -> "JudgeConfig":
        if self.votes % 2 == 0:
            raise ValueError(f"votes: {self.votes} can tie; give an odd number")
        if self.kind in ("local", "self") and self.url is not None:
            raise ValueError(f"url: a judge of kind {self.kind!r} has none; use kind 'openai'")
        if self.kind == "self" and self.votes != 1:
            raise ValueError(f"votes: {self.votes}; a backbone that compares two probabilities has one vote")
        if self.kind != "self" and self.margin != 0:
            raise ValueError(f"margin: is of kind 'self', not {self.kind!r}")
        return self

    @property
    def sampling_temperature(self) -> float:
        return self.temperature if self.temperature is not None else (0.0 if self.votes == 1 else 0.7)

    def gpus_to_start(self) -> int:
        """GPUs that the judge's model takes where the run starts it; none for one that is reached at a URL."""
        return self.tensor_parallel if self.kind != "arithmetic" and self.url is None else 0

    def model_identity(self) -> str:
        """What a model judge's verdicts depend on; the cache's key and the `judge` of its verdicts.

        Of kind `self` it leaves out the backbone, which is an input of the stages that ask it.
        """
        if self.kind == "self":
            return f"self/prompt={self_prompt.PROMPT_VERSION},margin={self.margin:g}{self._rubric_identity()}"
        name = self.model + (f"@{self.revision}" if self.revision else "")
        if Path(self.model).is_dir():
            name = f"{Path(self.model).resolve().name}:{folder_digest(str(Path(self.model).resolve()))[:16]}"
        sampling = f"votes={self.votes},temperature={self.sampling_temperature:g},max_tokens={self.max_tokens}"
        if self.extra_body:
            body = json.dumps(self.extra_body, sort_keys=True)
            sampling += f",extra={hashlib.sha256(body.encode()).hexdigest()[:16]}"
        if self.kind == "local":
            sampling += f",{self.backend}"
        return f"{self.kind}/{name}/prompt={judge_prompt.PROMPT_VERSION},{sampling}{self._rubric_identity()}"

    def identity(self) -> str:
        """What the verdicts depend on: part of the key of every stage that asks this judge."""
        if self.kind == "arithmetic":
            return ArithmeticJudge(self.require_step).name
        return self.model_identity() + (f"+arithmetic/{arithmetic.VERSION}" if self.filters else "")

    @property
    def filters(self) -> bool:
        """Whether false equalities are refused before the model is asked: not where a rubric stands for mathematics."""
        return self.prefilter and self.rubric is None

    def _rubric_identity(self) -> str:
        return "" if self.rubric is None else f",rubric={hashlib.sha256(self.rubric.encode()).hexdigest()[:16]}"
