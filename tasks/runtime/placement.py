"""Placement: a table (stage → work pool) sends the building of a stage's artifacts to the workers of a pool.

    placement:                                   # part of an experiment; never part of a key
      train_agent: {pool: gpu}
      finetune: {pool: gpu, memory: 200Gi}

The stage's task runs the deployment `stage/<pool>` (flows/placed.py) and waits for it; the artifact comes back through
the store, which both machines share. Both have the same REWRITING_AGENT_DEVICE: the device's lock is part of the key.
The stage's function does not change, and the run keeps its edge in the UI, because the deployment runs inside the task.
"""

import importlib
import logging
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from difflib import get_close_matches
from typing import Any, get_args, get_origin, get_type_hints

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import WorkPool
from prefect.context import FlowRunContext
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.runtime import task_run
from prefect.states import Cancelling
from pydantic import BaseModel, ConfigDict, Field

from tasks.runtime import stopping
from tasks.runtime.settings import settings
from tasks.runtime.store import Artifact

FEWER = "fewer by a preset (--preset one_gpu), or send it to a work pool that has them (docs/work_pools.md)"
POLL_SECONDS = 2.0
SAID_AGAIN = 600.0  # seconds after which a run that waits for a worker says so again

Log = logging.Logger | logging.LoggerAdapter[logging.Logger]


class Place(BaseModel):
    """Where one stage is built."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pool: str = Field(min_length=1, description="Work pool whose workers build the stage.")
    gpus: int | None = Field(
        None, ge=0, le=64, description="GPUs of its container or pod; left out: as many as the stage computes on."
    )
    memory: str | None = Field(
        None,
        pattern=r"^[0-9]+([kmg]|[KMGT]i?)?$",
        description="Memory of its container (200g) or pod (200Gi); left out: what the pool gives.",
    )


Table = Mapping[str, Place]
_table: ContextVar[Table | None] = ContextVar("placement", default=None)


class PlacementError(RuntimeError):
    """A stage cannot be sent to its pool, or did not come back whole."""


class PlacementCrash(PlacementError):
    """What built a stage elsewhere is gone: its machine, its container, its job's time. It may be tried again."""


def use(table: Table) -> None:
    """Stages that are submitted from here on, in this run, go where `table` sends them."""
    _table.set(table)


def place_of(stage: str) -> Place | None:
    """Where the stage is built; None: where the run itself is."""
    return (_table.get() or {}).get(stage)


def check(table: Table, gpus: Mapping[str, int | None]) -> None:
    """Whether every pool of the table is there, has the GPUs, and a worker; and whether this run has GPUs for the rest.

    Args:
        gpus: of each stage: how many it computes on; None: as many as there are.

    Raises:
        PlacementError: a sentence for each that is not, with what to type.
    """
    wrong = []
    own = getattr(_own_run(), "work_pool_name", None)
    here = len(settings().gpu_names()) if settings().cuda() else 0
    if table or own:
        with get_client(sync_client=True) as client:
            wrong = [said for stage, place in table.items() if (said := _wrong(client, stage, place, gpus.get(stage)))]
            if own and settings().cuda():
                here = _bounds(client.read_work_pool(own))[1] or here
    if here and (said := lacking(table, gpus, here, f"a run of {own}" if own else "this machine")):
        wrong.append(said)
    if wrong:
        raise PlacementError("\n".join(wrong))


def lacking(
    table: Mapping[Any, Any], gpus: Mapping[Any, int | None], here: int, where: str = "this machine"
) -> str | None:
    """A sentence where a stage that `table` sends nowhere computes on more GPUs than there are `here`."""
    most, stage = max(((needed or 0, stage) for stage, needed in gpus.items() if stage not in table), default=(0, ""))
    return f"{stage} computes on {most} GPUs, {where} has {here}: {FEWER}" if most > here else None


def _wrong(client: SyncPrefectClient, stage: str, place: Place, needed: int | None) -> str | None:
    try:
        pool = client.read_work_pool(place.pool)
    except ObjectNotFound:
        names = [one.name for one in client.read_work_pools()]
        near = get_close_matches(place.pool, names, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        return (
            f"placement.{stage}.pool={place.pool}: there is no such work pool: {meant}There are "
            f"{', '.join(sorted(names)) or 'none'}; python -m infra.work_pools create {place.pool} makes it"
        )
    if _is_this_runs(pool):
        return None
    if place.gpus is not None and needed and place.gpus < needed:
        return f"placement.{stage}.gpus={place.gpus}: {stage} computes on {needed}: set it to {needed}, or leave it out"
    most, wanted = _bounds(pool)[1], place.gpus or needed or 0
    if most is not None and wanted > most:
        return (
            f"placement.{stage}.pool={place.pool}: {stage} needs {wanted} GPUs, there a run has at most {most}: "
            "another pool, or fewer by a preset (--preset one_gpu)"
        )
    try:
        client.read_deployment_by_name(f"stage/{place.pool}")
    except ObjectNotFound:
        return (
            f"placement.{stage}.pool={place.pool}: there is no deployment stage/{place.pool} that stages go to: "
            f"python -m infra.work_pools create {place.pool} --type {pool.type} makes it"
        )
    if not _workers(client, place.pool):
        return f"placement.{stage}.pool={place.pool}: {_no_worker(pool)}"
    return None


def _no_worker(pool: WorkPool) -> str:
    serve = "python -m infra.work_pools serve" if pool.type == "process" else "prefect worker start --pool"
    return f"no worker serves {pool.name}, on the machine that shall: {serve} {pool.name}"


def _workers(client: SyncPrefectClient, pool: str) -> list[str]:
    """Names of the pool's workers that were heard of lately."""
    return [one.name for one in client.read_workers_for_work_pool(pool) if one.status == "ONLINE"]


def _bounds(pool: WorkPool) -> tuple[int, int | None]:
    """The fewest and the most GPUs that a run of the pool may have; (0, None) where its template does not say."""
    said = pool.base_job_template.get("variables", {}).get("properties", {}).get("gpus", {})
    return said.get("minimum", 0), said.get("maximum")


def _own_run() -> Any:
    context = FlowRunContext.get()
    return context.flow_run if context else None


def _is_this_runs(pool: WorkPool) -> bool:
    """Whether this run is a process of that pool itself: what it would send there it builds, on the same machine."""
    return pool.type == "process" and getattr(_own_run(), "work_pool_name", None) == pool.name


def is_here(place: Place) -> bool:
    """Whether this run is itself where the stage shall be built."""
    if getattr(_own_run(), "work_pool_name", None) != place.pool:
        return False
    with get_client(sync_client=True) as client:
        return _is_this_runs(client.read_work_pool(place.pool))


def build_elsewhere(
    place: Place,
    function: Callable[..., Any],
    config: Any,
    inputs: dict[str, Any],
    gpus: int | None,
    log: Log,
    planned: Mapping[str, Any],
) -> None:
    """Run the deployment `stage/<pool>` for this stage and wait for its end; cancel it where this run is being ended.

    Args:
        gpus: how many the stage computes on; None: as many as there are.
        planned: what was planned of each part (tasks/runtime/planning.py); empty without a plan.

    Raises:
        PlacementError: it failed or was cancelled; PlacementCrash: it crashed.
        Stopped: this run is being ended.
    """
    parameters = {
        "stage": f"{function.__module__}:{function.__name__}",
        "config": _plain(config),
        "inputs": _plain(inputs),
        "asked_by": sorted(task_run.tags or ()),
    }
    parameters |= {"planned": dict(planned)} if planned else {}
    queue = getattr(_own_run(), "work_queue_name", None)
    with get_client(sync_client=True) as client:
        pool = client.read_work_pool(place.pool)
        started: Any = run_deployment(
            f"stage/{place.pool}",
            parameters=parameters,
            timeout=0,
            flow_run_name=function.__name__,
            job_variables=_variables(place, pool, gpus),
            work_queue_name=queue if queue in ("high", "low") else None,  # a hurried run's stages are hurried too
        )
        said = -SAID_AGAIN
        while not ((run := client.read_flow_run(started.id)).state and run.state.is_final()):
            try:
                stopping.check()
            except stopping.Stopped:
                client.set_flow_run_state(run.id, Cancelling())
                raise
            waits = run.state is not None and run.state.is_scheduled()
            if waits and time.monotonic() - said >= SAID_AGAIN and not _workers(client, place.pool):
                said = time.monotonic()
                log.warning("%s: waits, %s", function.__name__, _no_worker(pool))
            time.sleep(POLL_SECONDS)
    if not run.state.is_completed():
        state = f"{run.state.name}: {run.state.message}"
        kind = PlacementCrash if run.state.is_crashed() else PlacementError
        raise kind(f"{function.__name__} on pool {place.pool!r}: {state} (flow run {run.id})")


def _variables(place: Place, pool: WorkPool, gpus: int | None) -> dict[str, Any]:
    """What the pool's template is filled with for this stage; a pool that has no GPUs to give is not asked for any."""
    fewest, most = _bounds(pool)
    wanted = gpus if place.gpus is None else place.gpus
    found: dict[str, Any] = {} if place.memory is None else {"memory": place.memory}
    if wanted is not None and most is not None:
        found["gpus"] = min(max(wanted, fewest), most)
    return found


def find_stage(name: str) -> Any:
    """The stage that `module:function` names. Raises ValueError for anything that is no stage of this project."""
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function, None) if module.startswith("tasks.") else None
    if found is None or not hasattr(found, "plain"):
        raise ValueError(f"{name!r} is no stage")
    return found


def config_of(stage: Any, values: Any) -> Any:
    """The stage's config from plain values: one model, or a dict of them where the stage makes a batch."""
    said = get_type_hints(stage.plain)["config"]
    if isinstance(get_origin(said), type) and issubclass(get_origin(said), Mapping):
        model = get_args(said)[1]
        return {name: model.model_validate(one) for name, one in values.items()}
    return said.model_validate(values)


def artifacts_of(values: Any) -> Any:
    """Inputs from plain values: references, dicts of them, or None."""
    if values is None:
        return None
    if set(values) == set(Artifact.model_fields):
        return Artifact.model_validate(values)
    return {name: artifacts_of(one) for name, one in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value
