"""What Prefect's server knows of a work pool, and of the one that runs this run.

pool = client.read_work_pool("gpu")
bounds_of(pool)                  (0, 4)          the fewest and the most GPUs that a run of it may have
workers_of(client, "gpu")        ["ProcessWorker 7f…"]
"""

from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import WorkPool
from prefect.context import FlowRunContext


def no_worker(pool: WorkPool) -> str:
    """That nobody serves the pool, with what to type on which machine."""
    serve = "python -m infra.work_pools serve" if pool.type == "process" else "prefect worker start --pool"
    return f"no worker serves {pool.name}, on the machine that shall: {serve} {pool.name}"


def workers_of(client: SyncPrefectClient, pool: str) -> list[str]:
    """Names of the pool's workers that were heard of lately."""
    return [one.name for one in client.read_workers_for_work_pool(pool) if one.status == "ONLINE"]


def bounds_of(pool: WorkPool) -> tuple[int, int | None]:
    """The fewest and the most GPUs that a run of the pool may have; (0, None) where its template does not say."""
    said = pool.base_job_template.get("variables", {}).get("properties", {}).get("gpus", {})
    return said.get("minimum", 0), said.get("maximum")


def own_run() -> Any:
    """The flow run that is going on here, as the server knows it; None without one."""
    context = FlowRunContext.get()
    return context.flow_run if context else None


def runs_this_run(pool: WorkPool) -> bool:
    """Whether this run is a process of that pool itself: what it would send there it builds, on the same machine."""
    return pool.type == "process" and getattr(own_run(), "work_pool_name", None) == pool.name
