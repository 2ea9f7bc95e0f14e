"""Who judges the reasoning (v_rea), from its configuration.

In:  JudgeConfig(kind="openai", url="http://judge:8000/v1", model="Qwen/Qwen3-30B-A3B-Instruct-2507")
Out: `with make_judge(config) as judge:` a judge that has been checked and answers; closed at the end

    arithmetic  every stated equality is computed; no model, no service (tasks/verify/arithmetic.py)
    openai      a model behind an OpenAI-compatible endpoint: at `url`, or started by the run itself with vllm serve
    local       a model in an engine of the inference environment, for batches (no server, no port)

docs/judging.md says which to take, why, and what it costs.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.runtime.settings import settings
from tasks.verify import arithmetic, judge_prompt
from tasks.verify.arithmetic import ArithmeticJudge
from tasks.verify.types import Judge, JudgeItem, ReasoningVerdict
from tasks.verify.verdict_cache import VerdictCache, key

logger = logging.getLogger(__name__)

DEFAULT_MODEL = "Qwen/Qwen3-30B-A3B-Instruct-2507"
MAX_WHOLE_FILE = 20_000_000  # bytes; larger files of a local model enter its digest by size and first megabyte

_RUNTIME: dict[str, Any] = {"key": False}


class JudgeConfig(BaseModel):
    """The judge of the task-consistency gate (section 3.4.1). The paper names no model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["arithmetic", "openai", "local"] = Field(
        default="arithmetic",
        description="arithmetic: computes every stated equality, no model. openai: a model behind an OpenAI-compatible "
        "endpoint. local: a model in this machine's inference environment.",
    )
    require_step: bool = Field(
        default=True,
        description="arithmetic alone: a solution that states no checkable equality is invalid (else an agent learns "
        "to write no reasoning).",
    )
    prefilter: bool = Field(
        default=True, description="A model judge is asked only about solutions without a false equality."
    )
    model: str = Field(default=DEFAULT_MODEL, min_length=1, description="Name or folder of the judge's model.")
    revision: str | None = Field(default=None, description="Revision of the model on the hub.")
    backend: Literal["vllm", "transformers"] = Field(
        default="vllm", description="local: what computes the model; vLLM holds replies to the verdict's JSON schema."
    )
    url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="openai: base URL, say http://host:8000/v1. Empty: the run starts the model with vllm serve.",
        json_schema_extra=_RUNTIME,
    )
    api_key_env: str = Field(
        default="REWRITING_AGENT_JUDGE_API_KEY",
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

    @model_validator(mode="after")
    def _consistent(self) -> "JudgeConfig":
        if self.votes % 2 == 0:
            raise ValueError(f"votes: {self.votes} can tie; give an odd number")
        if self.kind == "local" and self.url is not None:
            raise ValueError("url: a local judge has none; use kind 'openai'")
        return self

    @property
    def sampling_temperature(self) -> float:
        return self.temperature if self.temperature is not None else (0.0 if self.votes == 1 else 0.7)

    def gpus_to_start(self) -> int:
        """GPUs that the judge's model takes where the run starts it; none for one that is reached at a URL."""
        return self.tensor_parallel if self.kind != "arithmetic" and self.url is None else 0

    def model_identity(self) -> str:
        """What a model judge's verdicts depend on; the cache's key and the `judge` of its verdicts."""
        name = self.model + (f"@{self.revision}" if self.revision else "")
        if Path(self.model).is_dir():
            name = f"{Path(self.model).resolve().name}:{_folder_digest(str(Path(self.model).resolve()))[:16]}"
        sampling = f"votes={self.votes},temperature={self.sampling_temperature:g},max_tokens={self.max_tokens}"
        if self.extra_body:
            body = json.dumps(self.extra_body, sort_keys=True)
            sampling += f",extra={hashlib.sha256(body.encode()).hexdigest()[:16]}"
        if self.kind == "local":
            sampling += f",{self.backend}"
        return f"{self.kind}/{name}/prompt={judge_prompt.PROMPT_VERSION},{sampling}"

    def identity(self) -> str:
        """What the verdicts depend on: part of the key of every stage that asks this judge."""
        if self.kind == "arithmetic":
            return ArithmeticJudge(self.require_step).name
        return self.model_identity() + (f"+arithmetic/{arithmetic.VERSION}" if self.prefilter else "")


class Prefiltered:
    """Asks `model` only about solutions in which `first` finds nothing wrong; thread-safe."""

    def __init__(self, first: Judge, model: Judge, name: str) -> None:
        self.first, self.model, self.name = first, model, name

    @property
    def usage(self) -> Any:
        """What the model took."""
        return getattr(self.model, "usage", None)

    def judge(self, items: Sequence[JudgeItem]) -> list[ReasoningVerdict]:
        """One verdict an item, in order; `judge` in it says who gave it."""
        verdicts = self.first.judge(items)
        left = [at for at, verdict in enumerate(verdicts) if verdict.valid is not False]
        for at, verdict in zip(left, self.model.judge([items[at] for at in left]), strict=True):
            verdicts[at] = verdict
        return verdicts


class Cached:
    """Asks `model` about what `cache` does not know, each content once; stores what it says; thread-safe."""

    BLOCK = 512  # rows asked for between two writes, so that a killed run keeps what it paid for

    def __init__(self, model: Judge, cache: VerdictCache) -> None:
        self.model, self.cache, self.name = model, cache, model.name

    @property
    def usage(self) -> Any:
        """What the model took."""
        return getattr(self.model, "usage", None)

    def judge(self, items: Sequence[JudgeItem]) -> list[ReasoningVerdict]:
        """One verdict an item, in order."""
        keys = [key(self.name, item) for item in items]
        known = self.cache.get(list(dict.fromkeys(keys)))
        new = {name: item for name, item in zip(keys, items, strict=True) if name not in known}
        names = list(new)
        for start in range(0, len(names), self.BLOCK):
            block = names[start : start + self.BLOCK]
            given = dict(zip(block, self.model.judge([new[name] for name in block]), strict=True))
            self.cache.put(given)
            known |= given
        return [known[name] for name in keys]


@contextmanager
def make_judge(config: JudgeConfig) -> Iterator[Judge]:
    """The judge of `config`, started where the run starts it, and checked: it has given a verdict.

    Raises:
        JudgeUnavailable: it cannot be reached, does not serve the model, or gives no verdict.
    """
    if config.kind == "arithmetic":
        yield ArithmeticJudge(config.require_step)
        return
    with ExitStack() as stack:
        model = stack.enter_context(_model_judge(config))
        path = config.cache or settings().store / "cache" / "verdicts.sqlite"
        cache = VerdictCache(path)
        stack.callback(cache.close)
        judge: Judge = Cached(model, cache)
        if config.prefilter:
            judge = Prefiltered(ArithmeticJudge(require_step=False), judge, config.identity())
        yield judge


@contextmanager
def _model_judge(config: JudgeConfig) -> Iterator[Judge]:
    if config.kind == "local":
        from tasks.verify.local_judge import LocalJudge

        with LocalJudge(config) as local:
            local.check()
            yield local
        return
    from tasks.verify.chat import Endpoint
    from tasks.verify.openai_judge import OpenAIJudge
    from tasks.verify.serve import NAME, serve

    with ExitStack() as stack:
        url, name, api_key = config.url, config.model, os.environ.get(config.api_key_env) or None
        if url is None:
            served = stack.enter_context(serve(config))
            url, name, api_key = served.url, NAME, served.api_key
        endpoint = Endpoint(
            url=url,
            model=name,
            concurrency=config.concurrency,
            deadline=config.deadline_s,
            attempt=config.attempt_s,
            votes=config.votes,
            temperature=config.sampling_temperature,
            max_tokens=config.max_tokens,
            api_key=api_key,
            extra=config.extra_body,
        )
        judge = stack.enter_context(OpenAIJudge(endpoint, config.model_identity()))
        judge.check(config.startup_s)
        yield judge


@cache
def _folder_digest(folder: str) -> str:
    """Digest of a local model: its small files whole, its weights by size and first megabyte."""
    found = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        size = path.stat().st_size
        found.update(f"{path.relative_to(folder)}\0{size}\0".encode())
        with path.open("rb") as file:
            found.update(file.read(size if size <= MAX_WHOLE_FILE else 1_000_000))
    return found.hexdigest()
