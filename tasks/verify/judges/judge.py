"""Who judges the reasoning (v_rea), from its configuration.

In:  JudgeConfig(kind="openai", url="http://judge:8000/v1", model="Qwen/Qwen3-30B-A3B-Instruct-2507")
Out: `with make_judge(config) as judge:` a judge that has been checked and answers; closed at the end

    arithmetic  every stated equality is computed; no model, no service (tasks/verify/arithmetic/arithmetic.py)
    self        the frozen backbone, which answers YES or NO: in a process that has it, or in an engine of its own
    openai      a model behind an OpenAI-compatible endpoint: at `url`, or started by the run itself with vllm serve
    local       a model in an engine of the inference environment, for batches (no server, no port)

docs/judging.md says which to take, why, and what it costs.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tasks.runtime.files.yaml_text import mapping, validated
from tasks.runtime.settings import settings
from tasks.verify.arithmetic.arithmetic import ArithmeticJudge
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.first_token import Read
from tasks.verify.judges.verdict_cache import VerdictCache, key
from tasks.verify.types import Judge, JudgeItem, ReasoningVerdict


def load_config(path: Path | None, overrides: dict[str, Any]) -> JudgeConfig:
    """A judge's configuration from a YAML or JSON file, with single fields replaced. Raises ValueError at a bad one."""
    values = mapping(path, "a judge's configuration (kind: …)") if path is not None else {}
    values |= {name: value for name, value in overrides.items() if value is not None}
    return validated(path or Path("command line"), JudgeConfig, values)


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
    """Asks `model` about what `cache` does not know, each content once; stores what it says; thread-safe.

    Candidates of one question are asked one after the other, wherever they stood: what their prompts begin with, nearly
    all of them, is then still in the prefix cache of the model's engine.
    """

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
        names = sorted(new, key=lambda name: (new[name].question, new[name].gold))
        for start in range(0, len(names), self.BLOCK):
            block = names[start : start + self.BLOCK]
            given = dict(zip(block, self.model.judge([new[name] for name in block]), strict=True))
            self.cache.put(given)
            known |= given
        return [known[name] for name in keys]


@contextmanager
def make_judge(config: JudgeConfig, backbone: Path | None = None, read: Read | None = None) -> Iterator[Judge]:
    """The judge of `config`, started where the run starts it, and checked: it has given a verdict.

    Args:
        backbone: of kind `self`: the folder of the backbone that judges; left out, `config.model` is one.
        read: of kind `self`: asks that backbone in this process; left out, an engine is started for it.

    Raises:
        ValueError: kind `self`, and neither `backbone` nor `config.model` is the folder of a model.
        JudgeUnavailable: it cannot be reached, does not serve the model, or gives no verdict.
    """
    if config.kind == "arithmetic":
        yield ArithmeticJudge(config.require_step)
        return
    with ExitStack() as stack:
        model = stack.enter_context(_model_judge(config, backbone, read))
        path = config.cache or settings().store / "cache" / "verdicts.sqlite"
        cache = VerdictCache(path)
        stack.callback(cache.close)
        judge: Judge = Cached(model, cache)
        if config.filters:
            judge = Prefiltered(ArithmeticJudge(require_step=False), judge, config.identity())
        yield judge


@contextmanager
def _model_judge(config: JudgeConfig, backbone: Path | None, read: Read | None) -> Iterator[Judge]:
    if config.kind == "self":
        from tasks.verify.judges.self_judge import SelfJudge

        with SelfJudge(config, backbone or Path(config.model), read) as own:
            own.check()
            yield own
        return
    if config.kind == "local":
        from tasks.verify.judges.local_judge import LocalJudge

        with LocalJudge(config) as local:
            local.check()
            yield local
        return
    from tasks.verify.judges.chat import Endpoint
    from tasks.verify.judges.openai_judge import OpenAIJudge
    from tasks.verify.judges.serve import NAME, serve

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
        judge = stack.enter_context(OpenAIJudge(endpoint, config.model_identity(), config.rubric))
        judge.check(config.startup_s)
        yield judge
