"""`@stage` makes a plain function a cached, retried, traced Prefect task. It is the only place that knows how.

    @stage(version=1, environment="sft", cores=2)
    def finetune(config: FinetuneConfig, out: Path, *, backbone: Path, dataset: Path) -> Metrics:
        ...                                    # reads its inputs, writes below `out`, returns figures

    model = finetune.submit(config, backbone=backbone, dataset=dataset)   # in a flow: artifacts in, artifact out
    finetune.fn                                                          # the task's body; finetune.plain: the function

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
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import MissingContextError
from prefect.runtime import flow_run, task_run
from prefect.states import Completed, State
from pydantic import BaseModel

from tasks import engine, progress, slots
from tasks.digest import digest_file, digest_value
from tasks.jsonl import RowError
from tasks.progress_view import ProgressView
from tasks.settings import ROOT, settings
from tasks.store import Artifact, Manifest, Store

Metrics = dict[str, Any]
Inputs = dict[str, Artifact]


def store() -> Store:
    """The store that this machine's settings name."""
    return Store(settings().store)


def stage(
    *,
    version: int,
    environment: str = "core",
    cores: int = 1,
    gpus: int = 0,
    retries: int = 1,
    timeout_minutes: float | None = None,
    identity: Callable[[Any], Any] | None = None,
) -> Callable[[Callable[..., Metrics]], Task[..., Any]]:
    """Make `function(config, out, *, <inputs>)` a stage; its name is the function's.

    Args:
        version: raised by hand whenever the function's result changes for the same config and inputs.
        environment: whose lock is part of the key: that of the stage's engine.
        cores, gpus: slots of this machine that building takes (looking up takes none).
        retries: further attempts after an engine that failed; bad rows and bad configs are not tried again.
        timeout_minutes: after which the attempt is cancelled and its processes are killed.
        identity: what else the result depends on, from the config: digests of files that a path names, prompts.
    """

    def decorate(function: Callable[..., Metrics]) -> Task[..., Any]:
        name = function.__name__
        signature = inspect.signature(function)

        def look_up_or_build(config: BaseModel, **inputs: Any) -> State:
            artifacts = _flatten(inputs)
            extra = identity(config) if identity else None
            manifest = _new_manifest(name, version, environment, config, extra, artifacts)
            log, home = _logger(), store()
            with home.lock(manifest.key, _say_waiting(log, name)) as descriptor, slots.hold(descriptor):
                if (found := home.find(manifest.key)) is not None:
                    log.info("%s: cached, %s", name, found.key[:12])
                    return Completed(name="Cached", message=f"Cached: {found.key[:12]}", data=found)
                paths = {key: _to_path(home, value) for key, value in inputs.items()}
                out = home.partial(manifest.key)
                out.mkdir(parents=True, exist_ok=True)
                log.info("%s: building %s", name, manifest.key[:12])
                with (
                    slots.take(home.root / "slots", "core", cores, settings().cores),
                    slots.take(home.root / "slots", "gpu", gpus if settings().cuda() else 0, settings().gpu_count()),
                ):
                    started, clock = time.time(), time.monotonic()
                    with ProgressView(name, log):
                        token = engine.timings.set([])
                        try:
                            metrics = function(config, out, **paths)
                            engines = engine.timings.get()
                        finally:
                            engine.timings.reset(token)
                    seconds = time.monotonic() - clock
                manifest.metrics = metrics
                manifest.timings = {"started": started, "seconds": seconds, "engines": engines}
                manifest.cost = {"core_seconds": seconds * cores, "gpu_seconds": seconds * gpus * settings().cuda()}
                artifact = home.publish(manifest)
                log.info("%s: built %s in %.1f s", name, artifact.key[:12], seconds)
                return Completed(name="Built", message=f"Built: {artifact.key[:12]}", data=artifact)

        look_up_or_build.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[parameter for parameter in signature.parameters.values() if parameter.name != "out"]
        )
        look_up_or_build.__doc__ = function.__doc__
        look_up_or_build.__name__ = look_up_or_build.__qualname__ = name
        look_up_or_build.__module__ = function.__module__
        made: Task[..., Any] = task(  # type: ignore[call-overload]
            look_up_or_build,
            name=name,
            retries=retries,
            retry_condition_fn=_worth_another_attempt,
            retry_delay_seconds=2,
            timeout_seconds=timeout_minutes and timeout_minutes * 60,
            cache_policy=NO_CACHE,  # the store is the only truth about what is done
            persist_result=False,
        )
        made.plain = function  # type: ignore[attr-defined]
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


def _flatten(inputs: dict[str, Any]) -> Inputs:
    """Inputs by name; a dict of artifacts as `name.key`, an input that was not given left out."""
    flat: Inputs = {}
    for name, value in inputs.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": artifact for key, artifact in value.items()}
        elif value is not None:
            flat[name] = value
    for name, artifact in flat.items():
        if not isinstance(artifact, Artifact):
            raise TypeError(f"input {name!r} is a {type(artifact).__name__}, not an Artifact")
    return flat


def _to_path(home: Store, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: home.path(artifact.key) for key, artifact in value.items()}
    return None if value is None else home.path(value.key)


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


__all__ = ["Artifact", "Metrics", "progress", "stage", "stage_key", "store"]
