"""`@stage` makes a plain function a cached, retried, traced Prefect task. It is the only place that knows how.

    @stage(version=1, environment="sft", cores=2)
    def finetune(config: FinetuneConfig, out: Path, *, backbone: Path, dataset: Path) -> Metrics:
        ...                                    # reads its inputs, writes below `out`, returns figures

    model = finetune.submit(config, backbone=backbone, dataset=dataset)   # in a flow: artifacts in, artifact out
    finetune.plain(config, out, backbone=folder, dataset=folder)          # the function itself

The task looks for the artifact of the stage's key in the store and, where it is not, builds it under the key's lock.
The key says what the artifact is made from, not who asked:

    key = H(stage, version, config without paths, identity, digests of the inputs, digest of the environment's lock)

A config field marked `json_schema_extra={"key": False}` does not change the result and is left out of the key; a
nested config that has an `identity()` is represented by it.
"""

import inspect
import logging
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from prefect import Task, get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext
from prefect.exceptions import MissingContextError
from prefect.futures import PrefectFuture
from prefect.logging.handlers import APILogHandler
from prefect.runtime import flow_run, task_run
from prefect.states import Completed, State
from pydantic import BaseModel

from tasks import engine, slots
from tasks.digest import digest_file, digest_value
from tasks.jsonl import RowError
from tasks.placement import build_elsewhere
from tasks.progress_view import ProgressView
from tasks.settings import ROOT, settings
from tasks.shared_store import SharedStore
from tasks.store import Artifact, Manifest, Store

Metrics = dict[str, Any]
Inputs = dict[str, Artifact]


class StageTask(Task[..., Any]):
    """A stage's task. Its futures know what they wait for, so that a failure can be told by its cause."""

    plain: Callable[..., Metrics]  # the function itself

    def submit(self, *args: Any, **kwargs: Any) -> PrefectFuture[Any]:  # type: ignore[override]
        future = super().submit(*args, **kwargs)
        future.upstream = list(_futures_in([args, kwargs]))  # type: ignore[attr-defined]
        return future


def finish(future: PrefectFuture[Any]) -> Any:
    """The result of a submitted stage. Where a stage before it failed, raises what that one raised: Prefect itself
    says no more than that the last one is not ready. Whoever ends the run meanwhile ends its engines at once: Prefect
    would wait for the tasks' threads first."""
    engine.stopping.clear()
    try:
        return _first_failure_or_result(future)
    except Exception:
        raise
    except BaseException:  # KeyboardInterrupt, Prefect's TerminationSignal
        engine.stopping.set()
        raise


def _first_failure_or_result(future: PrefectFuture[Any]) -> Any:
    waiting, seen = [future], []
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.append(one)
        one.wait()
        if one.state.is_failed() or one.state.is_crashed():
            one.result()
        waiting += getattr(one, "upstream", [])
    return future.result()


def _futures_in(value: Any) -> Iterator[PrefectFuture[Any]]:
    if isinstance(value, PrefectFuture):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _futures_in(one)
    elif isinstance(value, dict):
        yield from _futures_in(list(value.values()))


def store() -> Store:
    """The store that this machine's settings name."""
    ours = settings()
    return SharedStore(ours.store, ours.shared_store, ours.shared_lease) if ours.shared_store else Store(ours.store)


def stage(
    *,
    version: int,
    environment: str | Callable[[Any], str] = "core",
    cores: int = 1,
    gpus: int | Callable[[Any], int] = 0,
    retries: int = 1,
    timeout_minutes: float | None = None,
    identity: Callable[[Any], Any] | None = None,
    batch: bool = False,
) -> Callable[[Callable[..., Metrics]], StageTask]:
    """Make `function(config, out, *, <inputs>)` a stage; its name is the function's.

    Args:
        version: raised by hand whenever the function's result changes for the same config and inputs.
        environment: whose lock is part of the key: that of the stage's engine, which may depend on the config.
        cores, gpus: slots of this machine that building takes (looking up takes none); GPUs may depend on the config.
        retries: further attempts after an engine that failed; bad rows and bad configs are not tried again.
        timeout_minutes: after which the attempt ends and its engine is killed.
        identity: what else the result depends on, from the config: digests of files that a path names, prompts.
        batch: the stage makes several artifacts in one go: its config and `out` are dicts by name, with those that
            the store lacks, its result is a dict of metrics; the task takes a dict of configs and gives a dict of
            artifacts.
    """

    def decorate(function: Callable[..., Metrics]) -> StageTask:
        name = function.__name__
        signature = inspect.signature(function)

        def look_up_or_build(config: Any, **inputs: Any) -> State:
            configs: dict[str, BaseModel] = config if batch else {name: config}
            title = str(task_run.name or name)
            artifacts = _flatten(inputs)
            manifests = {
                part: _new_manifest(
                    name,
                    version,
                    environment(one) if callable(environment) else environment,
                    one,
                    identity(one) if identity else None,
                    artifacts,
                )
                for part, one in configs.items()
            }
            log, home = _logger(), store()
            with ExitStack() as locks:
                locks.enter_context(ProgressView(title, log))  # of transfers; what is built shows its own
                # In the order of the keys, so that two runs that share artifacts cannot wait for each other.
                for manifest in sorted(manifests.values(), key=lambda manifest: manifest.key):
                    waiting = _say_waiting(log, title)
                    locks.enter_context(slots.hold(locks.enter_context(home.lock(manifest.key, waiting))))
                found = {part: home.find(manifest.key) for part, manifest in manifests.items()}
                missing = {part: manifests[part] for part, artifact in found.items() if artifact is None}
                pool = settings().placement.get(name)
                if missing and pool is None:
                    found |= build(log, title, home, configs, missing, inputs)
            if missing and pool is not None:
                # Without the locks: the other machine takes them.
                log.info("%s: building on work pool %s", title, pool)
                build_elsewhere(pool, function, {part: configs[part] for part in missing} if batch else config, inputs)
                for part, manifest in missing.items():
                    with home.lock(manifest.key):
                        found[part] = home.find(manifest.key) or home.manifest(manifest.key).artifact()
            if not missing:
                log.info("%s: cached, %s", title, ", ".join(m.key[:12] for m in manifests.values()))
            verb = "Built" if missing else "Cached"
            keys = ", ".join(manifest.key[:12] for manifest in (missing or manifests).values())
            return Completed(name=verb, message=f"{verb}: {keys}", data=found if batch else found[name])

        def build(
            log: Any,
            title: str,
            home: Store,
            configs: dict[str, BaseModel],
            missing: dict[str, Manifest],
            inputs: dict[str, Any],
        ) -> Inputs:
            paths = {key: _to_path(home, value) for key, value in inputs.items()}
            outs = {part: home.partial(manifest.key) for part, manifest in missing.items()}
            for out in outs.values():
                out.mkdir(parents=True, exist_ok=True)
            log.info("%s: building %s", title, ", ".join(manifest.key[:12] for manifest in missing.values()))
            engines: list[dict[str, float | str]] = []
            gpus_here = settings().gpu_count() if settings().cuda() else 0
            wanted = max(gpus(configs[part]) for part in missing) if callable(gpus) else gpus
            asked = time.monotonic()
            with (
                slots.take(home.root / "slots", "core", cores, settings().cores),
                slots.take(home.root / "slots", "gpu", wanted, gpus_here) as shown,
                engine.attempt(engines, timeout_minutes and timeout_minutes * 60, shown, None if gpus_here else cores),
                ProgressView(title, log),
            ):
                started, clock = time.time(), time.monotonic()
                if clock - asked >= 1:
                    log.info("%s: starts after %.0f s of waiting for free cores or GPUs", title, clock - asked)
                if batch:
                    metrics = function({part: configs[part] for part in missing}, outs, **paths)
                else:
                    metrics = {name: function(configs[name], outs[name], **paths)}
                seconds = time.monotonic() - clock
            built: Inputs = {}
            for part, manifest in missing.items():
                share = seconds / len(missing)
                manifest.metrics = metrics[part]
                manifest.timings = {"started": started, "seconds": share, "engines": engines}
                manifest.cost = {"core_seconds": share * cores, "gpu_seconds": share * wanted * settings().cuda()}
                built[part] = home.publish(manifest)
            log.info("%s: built in %.1f s", title, seconds)
            return built

        look_up_or_build.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[parameter for parameter in signature.parameters.values() if parameter.name != "out"]
        )
        look_up_or_build.__doc__ = function.__doc__
        look_up_or_build.__name__ = look_up_or_build.__qualname__ = name
        look_up_or_build.__module__ = function.__module__
        made = StageTask(
            look_up_or_build,
            name=name,
            task_run_name=_task_run_name,
            retries=retries,
            retry_condition_fn=_worth_another_attempt,
            retry_delay_seconds=2,
            cache_policy=NO_CACHE,  # the store is the only truth about what is done
            persist_result=False,
        )
        made.plain = function
        return made

    return decorate


def stage_key(
    name: str, version: int, environment: str, config: BaseModel, identity: Any, inputs: Inputs
) -> tuple[str, dict[str, Any]]:
    """The key of an artifact and the config that went into it."""
    in_key = config_for_key(config)
    parts = {
        "stage": name,
        "version": version,
        "config": in_key,
        "identity": identity,
        "inputs": {key: artifact.digest for key, artifact in sorted(inputs.items())},
        "environment": lock_digest(environment),
    }
    return digest_value(parts)[:32], in_key


def config_for_key(config: BaseModel) -> dict[str, Any]:
    """The config without what does not change the result."""
    kept: dict[str, Any] = {}
    for name, field in type(config).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("key") is False:
            continue
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            kept[name] = value.identity() if hasattr(value, "identity") else config_for_key(value)
        else:
            kept[name] = config.model_dump(mode="json", include={name})[name]
    return kept


def lock_file(environment: str) -> Path:
    """The lock that `environment` is installed from on this machine's kind of device."""
    folder = ROOT / "infra" / "environments"
    if environment == "core":
        return folder / "core.txt"
    return folder / f"{environment}.{'cuda' if settings().cuda() else 'cpu'}.txt"


@cache
def lock_digest(environment: str) -> str:
    """Digest of the environment's lock."""
    return digest_file(lock_file(environment))


def _new_manifest(
    name: str, version: int, environment: str, config: BaseModel, identity: Any, inputs: Inputs
) -> Manifest:
    key, in_key = stage_key(name, version, environment, config, identity, inputs)
    seed = getattr(config, "seed", None)
    run = {"host": platform.node(), "task_run": str(task_run.name or ""), "flow_run": str(flow_run.name or "")}
    return Manifest(
        kind=name,
        key=key,
        stage_version=version,
        inputs=inputs,
        config=in_key,
        identity=identity,
        environment={"name": environment, "lock": lock_digest(environment)},
        versions={"python": platform.python_version()},
        seeds={} if seed is None else {"seed": seed},
        run=run | {"flow_run_id": str(flow_run.id or "")},
    )


def _flatten(inputs: dict[str, Any], prefix: str = "") -> Inputs:
    """Inputs by name; a dict of artifacts as `name.key`, an input that was not given left out."""
    flat: Inputs = {}
    for name, value in inputs.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, Artifact):
            flat[prefix + name] = value
        elif value is not None:
            raise TypeError(f"input {prefix}{name} is a {type(value).__name__}, not an Artifact")
    return flat


def _to_path(home: Store, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_path(home, one) for key, one in value.items()}
    return None if value is None else home.folder(value)


TELLING = ("name", "part", "loss", "shard", "seed")  # config fields that tell a stage's runs apart in the UI


def _task_run_name() -> str:
    """What the UI calls this run of a stage: `rewrite shard 1 + adapter`, `corpus numinamath_cot`."""
    name, given = str(task_run.task_name), dict(task_run.parameters)
    config = given.pop("config", None)
    said = [name]
    for field in TELLING:
        value = getattr(config, field, None)
        if value is not None:
            said.append(f"{field} {value}" if isinstance(value, int) else str(value))
    if getattr(config, "tokenizer_only", False):
        said.append("tokenizer")
    return " ".join(said) + (" + adapter" if given.get("adapter") is not None else "")


def _show_engines_output() -> None:
    """What engines print reaches the log of the run in the UI, at level DEBUG. Not the terminal: it is much."""
    logger = logging.getLogger(engine.__name__)
    handler = APILogHandler(level=logging.DEBUG)
    handler.addFilter(lambda record: TaskRunContext.get() is not None)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False


_show_engines_output()


def _worth_another_attempt(task: Task[..., Any], run: Any, state: State) -> bool:
    """Engines fail for passing reasons (memory, a killed process, a full disk); rows and configs do not."""
    try:
        state.result(raise_on_failure=True)
    except (engine.EngineError, OSError, TimeoutError) as error:
        return not isinstance(error, (FileNotFoundError, PermissionError))
    except (RowError, Exception):
        return False
    return False


def _logger() -> logging.Logger | logging.LoggerAdapter[logging.Logger]:
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger(__name__)


def _say_waiting(log: Any, name: str) -> Callable[[float], None]:
    said: list[float] = []

    def waiting(seconds: float) -> None:
        if seconds >= 1 and not said:
            said.append(seconds)
            log.info("%s: another run is building this artifact (process %d waits for it)", name, os.getpid())

    return waiting
