"""Placement: a table (stage → work pool) sends the building of a stage's artifacts to the workers of a pool.

    placement:                                   # part of an experiment; never part of a key
      train_agent: {pool: gpu}
      finetune: {pool: gpu, memory: 200Gi}

The stage's task runs the deployment `stage/<pool>` (flows/placed.py) and waits for it; the artifact comes back through
the store, which both machines share. Both have the same REWRITING_AGENT_DEVICE: the device's lock is part of the key.
The stage's function does not change, and the run keeps its edge in the UI, because the deployment runs inside the task.
"""

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import WorkPool
from prefect.deployments import run_deployment
from prefect.runtime import task_run
from prefect.states import Cancelling
from pydantic import BaseModel, ConfigDict, Field

from tasks.runtime import stopping
from tasks.runtime.placement.plain_call import name_of, plain
from tasks.runtime.placement.work_pool import bounds_of, no_worker, own_run, runs_this_run, workers_of
from tasks.runtime.run_log import Log

POLL_SECONDS = 2.0
SAID_AGAIN = 600.0  # seconds after which a run that waits for a worker says so again


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


def is_here(place: Place) -> bool:
    """Whether this run is itself where the stage shall be built."""
    if getattr(own_run(), "work_pool_name", None) != place.pool:
        return False
    with get_client(sync_client=True) as client:
        return runs_this_run(client.read_work_pool(place.pool))


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
        "stage": name_of(function),
        "config": plain(config),
        "inputs": plain(inputs),
        "asked_by": sorted(task_run.tags or ()),
    }
    parameters |= {"planned": dict(planned)} if planned else {}
    queue = getattr(own_run(), "work_queue_name", None)
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
            if waits and time.monotonic() - said >= SAID_AGAIN and not workers_of(client, place.pool):
                said = time.monotonic()
                log.warning("%s: waits, %s", function.__name__, no_worker(pool))
            time.sleep(POLL_SECONDS)
    if not run.state.is_completed():
        state = f"{run.state.name}: {run.state.message}"
        kind = PlacementCrash if run.state.is_crashed() else PlacementError
        raise kind(f"{function.__name__} on pool {place.pool!r}: {state} (flow run {run.id})")


def _variables(place: Place, pool: WorkPool, gpus: int | None) -> dict[str, Any]:
    """What the pool's template is filled with for this stage; a pool that has no GPUs to give is not asked for any."""
    fewest, most = bounds_of(pool)
    wanted = gpus if place.gpus is None else place.gpus
    found: dict[str, Any] = {} if place.memory is None else {"memory": place.memory}
    if wanted is not None and most is not None:
        found["gpus"] = min(max(wanted, fewest), most)
    return found
