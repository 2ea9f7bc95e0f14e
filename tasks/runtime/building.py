"""Builds what a stage lacks: on this machine's slots, below partial/, under a progress bar; then publishes it.

In:  finetune's declaration, its config, {"finetune": Manifest(key="9f3c…")}, its inputs' folders
Out: {"finetune": Artifact(key="9f3c…", digest="51ab…")}, the manifest written with metrics, timings and cost
"""

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.runtime import task_run
from pydantic import BaseModel

from tasks.runtime import attempt, planning, retries, slots
from tasks.runtime.declaration import Declaration, Metrics
from tasks.runtime.engines import engine
from tasks.runtime.key import Inputs
from tasks.runtime.placement.placement_check import FEWER
from tasks.runtime.progress.progress_view import ProgressView
from tasks.runtime.run_log import Log, saying_that_it_waits
from tasks.runtime.settings import settings
from tasks.runtime.show import show
from tasks.runtime.store.names import asked_by
from tasks.runtime.store.store import Manifest, Store


class NotEnoughGPUs(ValueError):
    """A stage computes on more GPUs than there are; says what to change."""


def build(
    stage: Declaration,
    log: Log,
    title: str,
    home: Store,
    configs: dict[str, BaseModel],
    missing: dict[str, Manifest],
    inputs: dict[str, Any],
    begin: Callable[[float], None],
) -> Inputs:
    """Call the stage's function for what is missing, whose locks are held, and publish what it wrote.

    `begin` hears when the slots are there and the work begins.

    Raises:
        NotEnoughGPUs: this machine has fewer than the stage computes on.
    """
    paths = {key: _to_path(home, value) for key, value in inputs.items()}
    outs = {part: home.partial(manifest.key) for part, manifest in missing.items()}
    for out in outs.values():
        out.mkdir(parents=True, exist_ok=True)
    for part, manifest in missing.items():
        manifest.name = home.name(manifest, str(getattr(configs[part], "name", "")))
    engines: list[dict[str, float | str]] = []
    gpus_here = settings().gpu_names() if settings().cuda() else []
    asked_for = stage.config_of(configs, missing)
    wanted = stage.gpus_for(asked_for)
    gpus = len(gpus_here) if wanted is None else wanted
    fewest = gpus.each if isinstance(gpus, slots.Dealt) else gpus
    if gpus_here and fewest > len(gpus_here):
        raise NotEnoughGPUs(f"{stage.name} computes on {fewest} GPUs, this machine has {len(gpus_here)}: {FEWER}")
    here = home.root / "slots" / platform.node()  # machines may share the store, but not their slots
    timeout = stage.timeout_minutes and stage.timeout_minutes * 60
    asked = time.monotonic()
    what = "free cores, GPUs or memory; other work of this machine has them"
    waiting = saying_that_it_waits(log, title, what, after=300)
    gib = 0 if gpus_here else stage.gib_for(asked_for, paths)
    with (
        slots.take(here, "gib", gib, settings().gib(), waiting=waiting),
        slots.take(here, "core", stage.cores_for(asked_for), settings().cores, waiting=waiting) as cores,
        slots.take(here, "gpu", gpus, len(gpus_here), waiting=waiting) as taken,
        engine.attempt(engines, timeout, [gpus_here[slot] for slot in taken], None if gpus_here else cores),
        ProgressView(title, log),
        attempt.told(outs, missing),
    ):
        started, clock = time.time(), time.monotonic()
        begin(started)
        waited = clock - asked
        after = f", after {waited:.0f} s of waiting for free cores, GPUs or memory" if waited >= 1 else ""
        log.info("%s: building %s%s", title, keys_of(missing), after)
        if stage.batch:
            metrics = stage.function(asked_for, outs, **paths)
        else:
            metrics = {stage.name: _fitting_memory(stage, log, title, configs[stage.name], outs[stage.name], paths)}
        seconds = time.monotonic() - clock
    built: Inputs = {}
    for part, manifest in missing.items():
        share = seconds / len(missing)
        manifest.metrics = metrics[part]
        manifest.timings = {"started": started, "seconds": share, "engines": engines}
        if (planned := planning.noted(title, part)) is not None:
            manifest.timings["planned"] = planned.beside(manifest)
        manifest.cost = {"core_seconds": share * len(cores), "gpu_seconds": share * len(taken), "gib": gib}
        if peaks := [int(one["peak_bytes"]) for one in engines if "peak_bytes" in one]:
            manifest.cost["peak_bytes"] = max(peaks)
        built[part] = home.publish(manifest)
    log.info("%s: built in %.1f s", title, seconds)
    if stage.shows:
        show(log, title, stage.shows, missing, home, asked_by(task_run.tags or ())[0])
    return built


def keys_of(manifests: dict[str, Manifest]) -> str:
    """The keys as people are told them."""
    return ", ".join(manifest.key[:12] for manifest in manifests.values())


def _fitting_memory(stage: Declaration, log: Log, title: str, config: Any, out: Path, paths: dict[str, Any]) -> Metrics:
    """Call the function, with half of the rows at a time for each attempt that ran out of memory."""
    times = retries.halved(out)
    fitting = retries.shrunk(config, stage.smaller, times)
    if fitting != config:
        changed = {name for name, value in fitting.model_dump().items() if value != config.model_dump()[name]}
        log.warning("%s: ran out of memory %d times: now with less of %s", title, times, ", ".join(sorted(changed)))
    try:
        metrics = stage.function(fitting, out, **paths)
    except engine.EngineError as error:
        if retries.out_of_memory(error):
            retries.halve(out)
        raise
    return metrics | ({"halved_for_memory": times} if fitting != config else {})


def _to_path(home: Store, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_path(home, one) for key, one in value.items()}
    return None if value is None else home.folder(value)
