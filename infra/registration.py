"""What a Prefect server is told at `make up`, beside the deployments: the work pool, automations, which runs died."""

import httpx

from infra.automations import AUTOMATIONS

POOL = "local"
POOL_LIMIT = 1  # runs at once: a laptop's cores are one run's cores


def register_pool(client: httpx.Client) -> None:
    """The work pool that `make up`'s worker serves."""
    made = client.post("/work_pools/", json={"name": POOL, "type": "process", "concurrency_limit": POOL_LIMIT})
    if made.status_code != httpx.codes.CONFLICT:  # it is there: its limit is the user's to change
        made.raise_for_status()


def register_automations(client: httpx.Client) -> None:
    """Those of infra/automations.py that the server does not have yet."""
    for automation in AUTOMATIONS:
        named = {"automations": {"name": {"any_": [automation["name"]]}}}
        if not client.post("/automations/filter", json=named).raise_for_status().json():
            client.post("/automations/", json=automation).raise_for_status()


def close_runs_without_process(client: httpx.Client) -> None:
    """Mark the pool's runs as ended that an earlier `up` left without a process, after a power cut say: they would
    hold the pool's only slot."""
    going_on = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
    of_pool = {"flow_runs": going_on, "work_pools": {"name": {"any_": [POOL]}}}
    for run in client.post("/flow_runs/filter", json=of_pool).raise_for_status().json():
        ended = "CANCELLED" if run["state_type"] == "CANCELLING" else "CRASHED"
        state = {"type": ended, "message": "Its process was gone at `make up`. Run it again: it goes on where it was."}
        client.post(f"/flow_runs/{run['id']}/set_state", json={"state": state, "force": True}).raise_for_status()
        print(f"run {run['name']}: its process is gone, marked {ended.lower()}")
