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
import platform
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run, task_run
from prefect.states import Completed, State

from tasks.runtime import planning, retries, slots
from tasks.runtime.building import build, keys_of
from tasks.runtime.declaration import Declaration, Metrics
from tasks.runtime.files import full_disk
from tasks.runtime.futures import StageTask
from tasks.runtime.placement import placement
from tasks.runtime.progress import run_progress
from tasks.runtime.progress.progress_view import ProgressView
from tasks.runtime.revision import commit
from tasks.runtime.run_log import run_log, saying_that_it_waits
from tasks.runtime.settings import settings
from tasks.runtime.show import View
from tasks.runtime.sinks import openlineage_sink
from tasks.runtime.store import in_use
from tasks.runtime.store.names import asked_by
from tasks.runtime.store.shared_store import SharedStore
from tasks.runtime.store.store import Manifest, Store
from tasks.runtime.title import task_run_name, title_of

BUILT, CACHED = "Built", "Cached"  # names of the states in which a stage's task ends


def store() -> Store:
    """The store that this machine's settings name."""
    ours = settings()
    return SharedStore(ours.store, ours.shared_store, ours.shared_lease) if ours.shared_store else Store(ours.store)


def stage(
    *,
    version: int,
    environment: str | Callable[[Any], str] = "core",
    cores: int | Callable[[Any], int] = 1,
    gpus: int | Callable[[Any], int | slots.Dealt | None] = 0,
    memory: Callable[..., int] | None = None,
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
        cores, gpus: slots of this machine that building takes (looking up takes none); they may depend on the config,
            GPUs None: all of the machine's, `Dealt`: as many engines as find room.
        memory: bytes of the machine's memory that its engines take where they compute on cores, from the config and its
            inputs' folders, for a stage that takes gigabytes: it waits for them.
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
        made = Declaration(
            function, version, environment, cores, gpus, memory, timeout_minutes, identity, batch, smaller, shows
        )

        def look_up_or_build(config: Any, **inputs: Any) -> State:
            return _look_up_or_build(made, config, inputs)

        def folder(config: Any, **inputs: Any) -> Path:
            found: Any = _look_up_or_build(made, config, inputs).data
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
            task_run_name=task_run_name,
            retries=len(retries.PAUSES),
            retry_condition_fn=retries.worth_another,
            retry_delay_seconds=retries.PAUSES,
            cache_policy=NO_CACHE,  # the store is the only truth about what is done
            persist_result=False,
        )
        task.plain = function
        task.folder = folder
        task.gpus = made.most_gpus
        task.cores, task.batch = made.cores_for, batch
        task.manifests = made.manifests
        task.title = title_of
        return task

    return decorate


def _look_up_or_build(made: Declaration, config: Any, inputs: dict[str, Any]) -> State:
    """Prefect's state `Cached` or `Built`, its data the artifact (of a batch: a dict of them)."""
    configs = made.configs(config)
    manifests = made.manifests(config, inputs)
    for manifest in manifests.values():
        _sign(manifest)
    log, title, home = run_log(), str(task_run.name or made.name), store()
    in_use.hold(home.root)
    place = placement.place_of(made.name)
    with ExitStack() as locks:
        locks.enter_context(full_disk.explained(home.root))
        locks.enter_context(ProgressView(title, log))  # of transfers; what is built shows its own
        # In the order of the keys, so that two runs that share artifacts cannot wait for each other.
        for manifest in sorted(manifests.values(), key=lambda manifest: manifest.key):
            waiting = saying_that_it_waits(log, title, "this artifact, which another task is at", after=1)
            locks.enter_context(slots.hold(locks.enter_context(home.lock(manifest.key, waiting))))
        found = {part: home.find(manifest.key) for part, manifest in manifests.items()}
        missing = {part: manifests[part] for part, artifact in found.items() if artifact is None}
        here = place is None or placement.is_here(place)
        if missing and here:
            with openlineage_sink.told(missing, home, log) as begin:
                found |= build(made, log, title, home, configs, missing, inputs, begin)
    if missing and place is not None and not here:
        # Without the locks: the other machine takes them.
        log.info("%s: building on work pool %s", title, place.pool)
        asked = made.config_of(configs, missing)
        planned = planning.told_elsewhere(title, missing)
        placement.build_elsewhere(place, made.function, asked, inputs, made.most_gpus(asked), log, planned)
        for part, manifest in missing.items():
            with home.lock(manifest.key):
                found[part] = home.find(manifest.key) or home.manifest(manifest.key).artifact()
    if not missing:
        log.debug("%s: cached, %s", title, keys_of(manifests))  # a study that goes on has thousands
    if (run := run_progress.of_run()) is not None:
        run.ended(title, {part: manifest.key for part, manifest in manifests.items()})
    verb = BUILT if missing else CACHED
    data = found if made.batch else found[made.name]
    return Completed(name=verb, message=f"{verb}: {keys_of(missing or manifests)}", data=data)


def _sign(manifest: Manifest) -> None:
    """Say in the manifest which run makes it, and the seed as it was asked for."""
    if (asked := asked_by(task_run.tags or ())[1]) is not None:
        manifest.seeds["asked"] = asked
    run = {
        "host": platform.node(),
        "device": settings().gpu_model(),
        "task_run": str(task_run.name or ""),
        "flow_run": str(flow_run.name or ""),
    }
    run |= {"flow_run_id": str(flow_run.id or ""), "flow": str(flow_run.flow_name or "")}
    manifest.run = run | {"commit": commit()}
