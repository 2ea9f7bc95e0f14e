"""`@stage` makes a plain function a cached, retried, traced Prefect task. It is the only place that knows how.

    @stage(version=1, environment="sft", cores=2)
    def finetune(config: FinetuneConfig, out: Path, *, backbone: Path, dataset: Path) -> Metrics:
        ...                                    # reads its inputs, writes below `out`, returns figures

    model = finetune.submit(config, backbone=backbone, dataset=dataset)   # in a flow: artifacts in, artifact out
    finetune.plain(config, out, backbone=folder, dataset=folder)          # the function itself
    backbone.folder(config)                                # in a command: the artifact's folder, found or built

The task looks for the artifact of the stage's key (tasks/runtime/key.py) in the store and, where it is not, builds it
under the key's lock.
"""

import inspect
import logging
import platform
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext
from prefect.exceptions import MissingContextError
from prefect.logging.handlers import APILogHandler
from prefect.runtime import flow_run, task_run
from prefect.states import Completed, State
from pydantic import BaseModel

from tasks.runtime import (
    attempt,
    engine,
    full_disk,
    in_use,
    openlineage_sink,
    placement,
    planning,
    retries,
    run_progress,
    slots,
)
from tasks.runtime.futures import StageTask
from tasks.runtime.key import Inputs, flatten, lock_digest, stage_key
from tasks.runtime.progress_view import ProgressView
from tasks.runtime.revision import commit
from tasks.runtime.settings import settings
from tasks.runtime.shared_store import SharedStore
from tasks.runtime.show import View, show
from tasks.runtime.store import Manifest, Store

BUILT, CACHED = "Built", "Cached"  # names of the states in which a stage's task ends

Metrics = dict[str, Any]
Log = logging.Logger | logging.LoggerAdapter[logging.Logger]


class NotEnoughGPUs(ValueError):
    """A stage computes on more GPUs than there are; says what to change."""


def store() -> Store:
    """The store that this machine's settings name."""
    ours = settings()
    return SharedStore(ours.store, ours.shared_store, ours.shared_lease) if ours.shared_store else Store(ours.store)


def stage(
    *,
    version: int,
    environment: str | Callable[[Any], str] = "core",
    cores: int = 1,
    gpus: int | Callable[[Any], int | None] = 0,
    timeout_minutes: float | None = None,
    identity: Callable[[Any], Any] | None = None,
    batch: bool = False,
    smaller: retries.Smaller | None = None,
    shows: View | None = None,
) -> Callable[[Callable[..., Metrics]], StageTask]:
    """Make `function(config, out, *, <inputs>)` a stage; its name is the function's.

    Args:
        version: raised by hand whenever the function's result changes for the same config and inputs.
        environment: whose lock is part of the key: that of the stage's engine, which may depend on the config.
        cores, gpus: slots of this machine that building takes (looking up takes none); GPUs may depend on the config,
            None: all of the machine's.
        timeout_minutes: after which the attempt ends and its engine is killed.
        identity: what else the result depends on, from the config: digests of files that a path names, prompts.
        batch: the stage makes several artifacts in one go: its config and `out` are dicts by name, with those that
            the store lacks, its result is a dict of metrics; the task takes a dict of configs and gives a dict of
            artifacts.
        smaller: the config with half of the rows at a time, or None where it has one: for the attempt after one that
            ran out of memory. The result is the same but for rounding.
        shows: what the UI shows of what was built (tasks/runtime/show.py).

    What failed for something that may pass is tried again (tasks/runtime/retries.py).
    """

    def decorate(function: Callable[..., Metrics]) -> StageTask:
        made = _Stage(function, version, environment, cores, gpus, timeout_minutes, identity, batch, smaller, shows)

        def look_up_or_build(config: Any, **inputs: Any) -> State:
            return made.look_up_or_build(config, inputs)

        def folder(config: Any, **inputs: Any) -> Path:
            found: Any = made.look_up_or_build(config, inputs).data
            return store().folder(found)

        signature = inspect.signature(function)
        look_up_or_build.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[parameter for parameter in signature.parameters.values() if parameter.name != "out"]
        )
        look_up_or_build.__doc__ = function.__doc__
        look_up_or_build.__name__ = look_up_or_build.__qualname__ = function.__name__
        look_up_or_build.__module__ = function.__module__
        task = StageTask(
            look_up_or_build,
            name=function.__name__,
            task_run_name=_task_run_name,
            retries=len(retries.PAUSES),
            retry_condition_fn=retries.worth_another,
            retry_delay_seconds=retries.PAUSES,
            cache_policy=NO_CACHE,  # the store is the only truth about what is done
            persist_result=False,
        )
        task.plain = function
        task.folder = folder
        task.gpus = made.gpus_for
        task.cores, task.batch = cores, batch
        task.manifests = made.manifests
        task.title = _title
        return task

    return decorate


@dataclass(frozen=True)
class _Stage:
    """A function and what `@stage` was told of it."""

    function: Callable[..., Metrics]
    version: int
    environment: str | Callable[[Any], str]
    cores: int
    gpus: int | Callable[[Any], int | None]
    timeout_minutes: float | None
    identity: Callable[[Any], Any] | None
    batch: bool
    smaller: retries.Smaller | None
    shows: View | None

    @property
    def name(self) -> str:
        return self.function.__name__

    def look_up_or_build(self, config: Any, inputs: dict[str, Any]) -> State:
        """Prefect's state `Cached` or `Built`, its data the artifact (of a batch: a dict of them)."""
        configs = self.configs(config)
        manifests = self.manifests(config, inputs)
        for manifest in manifests.values():
            _sign(manifest)
        log, title, home = _logger(), str(task_run.name or self.name), store()
        in_use.hold(home.root)
        place = placement.place_of(self.name)
        with ExitStack() as locks:
            locks.enter_context(full_disk.explained(home.root))
            locks.enter_context(ProgressView(title, log))  # of transfers; what is built shows its own
            # In the order of the keys, so that two runs that share artifacts cannot wait for each other.
            for manifest in sorted(manifests.values(), key=lambda manifest: manifest.key):
                waiting = _say_waiting(log, title)
                locks.enter_context(slots.hold(locks.enter_context(home.lock(manifest.key, waiting))))
            found = {part: home.find(manifest.key) for part, manifest in manifests.items()}
            missing = {part: manifests[part] for part, artifact in found.items() if artifact is None}
            here = place is None or placement.is_here(place)
            if missing and here:
                with openlineage_sink.told(missing, home, log) as begin:
                    found |= self.build(log, title, home, configs, missing, inputs, begin)
        if missing and place is not None and not here:
            # Without the locks: the other machine takes them.
            log.info("%s: building on work pool %s", title, place.pool)
            asked = {part: configs[part] for part in missing} if self.batch else config
            planned = planning.told_elsewhere(title, missing)
            placement.build_elsewhere(place, self.function, asked, inputs, self.gpus_for(asked), log, planned)
            for part, manifest in missing.items():
                with home.lock(manifest.key):
                    found[part] = home.find(manifest.key) or home.manifest(manifest.key).artifact()
        if not missing:
            log.debug("%s: cached, %s", title, _short(manifests))  # a study that goes on has thousands
        if (run := run_progress.of_run()) is not None:
            run.ended(title, {part: manifest.key for part, manifest in manifests.items()})
        verb = BUILT if missing else CACHED
        data = found if self.batch else found[self.name]
        return Completed(name=verb, message=f"{verb}: {_short(missing or manifests)}", data=data)

    def build(
        self,
        log: Log,
        title: str,
        home: Store,
        configs: dict[str, BaseModel],
        missing: dict[str, Manifest],
        inputs: dict[str, Any],
        begin: Callable[[float], None],
    ) -> Inputs:
        """Call the function for what is missing, on this machine's slots, and publish what it wrote. `begin` hears when
        the slots are there and the work begins."""
        paths = {key: _to_path(home, value) for key, value in inputs.items()}
        outs = {part: home.partial(manifest.key) for part, manifest in missing.items()}
        for out in outs.values():
            out.mkdir(parents=True, exist_ok=True)
        for part, manifest in missing.items():
            manifest.name = home.name(manifest, str(getattr(configs[part], "name", "")))
        log.info("%s: building %s", title, _short(missing))
        engines: list[dict[str, float | str]] = []
        gpus_here = settings().gpu_names() if settings().cuda() else []
        wanted = self.gpus_for({part: configs[part] for part in missing} if self.batch else configs[self.name])
        gpus = len(gpus_here) if wanted is None else wanted
        if gpus_here and gpus > len(gpus_here):
            raise NotEnoughGPUs(
                f"{self.name} computes on {gpus} GPUs, this machine has {len(gpus_here)}: {placement.FEWER}"
            )
        here = home.root / "slots" / platform.node()  # machines may share the store, but not their slots
        timeout = self.timeout_minutes and self.timeout_minutes * 60
        asked = time.monotonic()
        with (
            slots.take(here, "core", self.cores, settings().cores) as cores,
            slots.take(here, "gpu", gpus, len(gpus_here)) as taken,
            engine.attempt(engines, timeout, [gpus_here[slot] for slot in taken], None if gpus_here else cores),
            ProgressView(title, log),
            attempt.told(outs, missing),
        ):
            started, clock = time.time(), time.monotonic()
            begin(started)
            if clock - asked >= 1:
                log.info("%s: starts after %.0f s of waiting for free cores or GPUs", title, clock - asked)
            if self.batch:
                metrics = self.function({part: configs[part] for part in missing}, outs, **paths)
            else:
                metrics = {self.name: self.attempt(log, title, configs[self.name], outs[self.name], paths)}
            seconds = time.monotonic() - clock
        built: Inputs = {}
        for part, manifest in missing.items():
            share = seconds / len(missing)
            manifest.metrics = metrics[part]
            manifest.timings = {"started": started, "seconds": share, "engines": engines}
            if (planned := planning.noted(title, part)) is not None:
                manifest.timings["planned"] = planned.beside(manifest)
            manifest.cost = {"core_seconds": share * len(cores), "gpu_seconds": share * len(taken)}
            built[part] = home.publish(manifest)
        log.info("%s: built in %.1f s", title, seconds)
        if self.shows:
            show(log, title, self.shows, missing, home, _asked(task_run.tags or ())[0])
        return built

    def attempt(self, log: Log, title: str, config: Any, out: Path, paths: dict[str, Any]) -> Metrics:
        """Call the function, with half of the rows at a time for each attempt that ran out of memory."""
        times = retries.halved(out)
        fitting = retries.shrunk(config, self.smaller, times)
        if fitting != config:
            changed = {name for name, value in fitting.model_dump().items() if value != config.model_dump()[name]}
            log.warning("%s: ran out of memory %d times: now with less of %s", title, times, ", ".join(sorted(changed)))
        try:
            metrics = self.function(fitting, out, **paths)
        except engine.EngineError as error:
            if retries.out_of_memory(error):
                retries.halve(out)
            raise
        return metrics | ({"halved_for_memory": times} if fitting != config else {})

    def gpus_for(self, config: Any) -> int | None:
        """How many GPUs the stage computes on with this config (a batch: a dict of them); None: all of a machine's."""
        if not callable(self.gpus):
            return self.gpus
        counts = [self.gpus(one) for one in (config.values() if self.batch else [config])]
        return None if None in counts else max(count for count in counts if count is not None)

    def configs(self, config: Any) -> dict[str, BaseModel]:
        """Of each artifact its config."""
        return dict(config) if self.batch else {self.name: config}

    def manifests(self, config: Any, inputs: dict[str, Any]) -> dict[str, Manifest]:
        """Of each artifact what it is made from, with its key."""
        artifacts = flatten(inputs)
        return {part: self.manifest(one, artifacts) for part, one in self.configs(config).items()}

    def manifest(self, config: BaseModel, inputs: Inputs) -> Manifest:
        """What will be said of the artifact, its figures still to come."""
        environment = self.environment(config) if callable(self.environment) else self.environment
        identity = self.identity(config) if self.identity else None
        key, in_key = stage_key(self.name, self.version, environment, config, identity, inputs)
        seed = getattr(config, "seed", None)
        return Manifest(
            kind=self.name,
            key=key,
            stage_version=self.version,
            inputs=inputs,
            config=in_key,
            identity=identity,
            environment={"name": environment, "lock": lock_digest(environment)},
            versions={"python": platform.python_version()},
            seeds={} if seed is None else {"seed": seed},
        )


def _sign(manifest: Manifest) -> None:
    """Say in the manifest which run makes it, and the seed as it was asked for."""
    if (asked := _asked(task_run.tags or ())[1]) is not None:
        manifest.seeds["asked"] = asked
    run = {
        "host": platform.node(),
        "device": settings().gpu_model(),
        "task_run": str(task_run.name or ""),
        "flow_run": str(flow_run.name or ""),
    }
    run |= {"flow_run_id": str(flow_run.id or ""), "flow": str(flow_run.flow_name or "")}
    manifest.run = run | {"commit": commit()}


def _short(manifests: dict[str, Manifest]) -> str:
    """The keys as people are told them."""
    return ", ".join(manifest.key[:12] for manifest in manifests.values())


def _to_path(home: Store, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_path(home, one) for key, one in value.items()}
    return None if value is None else home.folder(value)


TELLING = ("name", "part", "loss", "shard", "seed")  # config fields that tell a stage's runs apart in the UI


def _task_run_name() -> str:
    """What the UI calls this run of a stage; the same as while it waited."""
    context = TaskRunContext.get()
    assert context is not None
    return _title(context.task.fn.__name__, dict(task_run.parameters), task_run.tags)


def _title(name: str, given: dict[str, Any], tags: Iterable[str]) -> str:
    """`corpus numinamath_cot`, `rewrite shard 1 + adapter (rewriting_agent/0)`.

    In brackets its tags: the method or variant, and the seed, that asked for it. The seed is called as it was asked
    for: a config may count from another one (SFT's from 42). Without a tag it is told where it is not the default.
    """
    config, asked = given.get("config"), _asked(tags)[1]
    if asked is None and isinstance(config, BaseModel) and "seed" in type(config).model_fields:
        seed = config.seed  # type: ignore[attr-defined]
        asked = None if seed == type(config).model_fields["seed"].default else seed
    said = [name]
    for field in TELLING:
        value = getattr(config, field, None)
        if field == "seed" and value is not None:
            value = asked
        if value is not None:
            said.append(f"{field} {value}" if isinstance(value, int) else str(value))
    if getattr(config, "tokenizer_only", False):
        said.append("tokenizer")
    if given.get("adapter") is not None:
        said.append("+ adapter")
    if tags:
        said.append(f"({', '.join(sorted(tags))})")
    return " ".join(said)


def _asked(tags: Iterable[str]) -> tuple[str, int | None]:
    """Method and seed that the user asked for, from a task's tag: "sft/1"; "", None for what all of them share."""
    found = (tag.rpartition("/") for tag in tags)
    return next(((method, int(seed)) for method, slash, seed in found if slash and seed.isdecimal()), ("", None))


def _logger() -> Log:
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger(__name__)


def _show_engines_output() -> None:
    """What engines print reaches the log of the run in the UI, at level DEBUG. Not the terminal: it is much."""
    logger = logging.getLogger(engine.__name__)
    handler = APILogHandler(level=logging.DEBUG)
    handler.addFilter(lambda record: TaskRunContext.get() is not None)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False


_show_engines_output()


def _say_waiting(log: Log, name: str) -> Callable[[float], None]:
    said: list[float] = []

    def waiting(seconds: float) -> None:
        if seconds >= 1 and not said:
            said.append(seconds)
            log.info("%s: waits for this artifact, which is being built already", name)

    return waiting
