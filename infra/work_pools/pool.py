"""A work pool on a Prefect server: its template, queues by priority, and `stage/<pool>` for stages that are sent."""

from typing import Any

import httpx

from infra.work_pools.template import Kind, Template

# A worker takes what waits in `high` first, and from `low` only when nothing else waits.
QUEUES = {"high": 1, "default": 2, "low": 3}
PLACED = "flows.placed.stage"  # as a module: wherever the project is installed, whatever folder that is


def register(client: httpx.Client, name: str, kind: Kind, made: Template, runs: int | None) -> str:
    """Make the pool, or give the one of this name its template and limit; says which.

    Args:
        runs: of the pool that go on at once; None: no limit.

    Raises:
        ValueError: there is a pool of another type under this name.
    """
    found = client.get(f"/work_pools/{name}")
    said = {"base_job_template": made, "concurrency_limit": runs}
    if found.status_code == httpx.codes.NOT_FOUND:
        client.post("/work_pools/", json={"name": name, "type": kind, **said}).raise_for_status()
    elif (there := found.raise_for_status().json()["type"]) != kind:
        raise ValueError(
            f"there is a pool {name!r} of type {there}: another name, or `prefect work-pool delete {name}`"
        )
    else:
        client.patch(f"/work_pools/{name}", json=said).raise_for_status()
    add_queues(client, name)
    add_placed_stages(client, name)
    return "made" if found.status_code == httpx.codes.NOT_FOUND else "changed"


def add_queues(client: httpx.Client, pool: str) -> None:
    """Queues `high`, `default` and `low`; those that are there stay as they are."""
    there = client.post(f"/work_pools/{pool}/queues/filter", json={}).raise_for_status().json()
    if not {one["name"] for one in there} >= QUEUES.keys():
        for name, priority in QUEUES.items():
            made = client.post(f"/work_pools/{pool}/queues", json={"name": name, "priority": priority})
            if made.status_code != httpx.codes.CONFLICT:
                made.raise_for_status()


def add_placed_stages(client: httpx.Client, pool: str) -> None:
    """The deployment `stage/<pool>`, unless it is there: it builds one stage for a run elsewhere (flows/placed.py)."""
    if client.get(f"/deployments/name/stage/{pool}").status_code != httpx.codes.NOT_FOUND:
        return
    flow = client.post("/flows/", json={"name": "stage"}).raise_for_status().json()["id"]
    deployment: dict[str, Any] = {
        "name": pool,
        "flow_id": flow,
        "work_pool_name": pool,
        "entrypoint": PLACED,
        "description": f"One stage of a run elsewhere, built on {pool}: asked for by placement, not by hand.",
        "tags": ["rewriting-agent", "placed"],
        "enforce_parameter_schema": False,  # the stage itself validates its config
    }
    client.post("/deployments/", json=deployment).raise_for_status()
