"""What a Prefect server is told at `make up`: deployments, work pools, automations, which runs died."""

import subprocess
import sys
from pathlib import Path

import httpx

from infra.automations import AUTOMATIONS
from infra.up_state import home
from infra.work_pools.pool import add_placed_stages, add_queues, register
from infra.work_pools.template import template
from tasks.runtime.settings import ROOT, settings

POOL = "local"
GPU_POOL = "gpu"  # of the deployments that need one; not ready until a worker serves it
POOL_LIMIT = 1  # runs at once: a laptop's cores are one run's cores, a host's GPUs one run's GPUs

PREFECT = str(Path(sys.executable).with_name("prefect"))


def register_pools(client: httpx.Client) -> None:
    """The work pools that `make up`'s workers serve, where they are not there yet: what a user changed stays."""
    for name, gpus in ((POOL, gpus_here()), (GPU_POOL, gpus_here() or 1)):
        if client.get(f"/work_pools/{name}").status_code == httpx.codes.NOT_FOUND:
            register(client, name, "process", template("process", gpus=gpus), POOL_LIMIT)
        else:
            add_queues(client, name)
            add_placed_stages(client, name)


def gpus_here() -> int:
    """GPUs of this machine that engines may use."""
    return len(settings().gpu_names()) if settings().cuda() else 0


def register_deployments(environment: dict[str, str]) -> None:
    """Register what prefect.yaml says; its chatter goes to up.log, an error's end is shown."""
    path = home() / "up.log"
    with path.open("wb") as log:
        command = [PREFECT, "--no-prompt", "deploy", "--all"]
        done = subprocess.run(
            command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        )
    # `prefect deploy` skips what it cannot deploy and still ends with 0.
    said = path.read_text(errors="replace")
    if done.returncode or "Skipping deployment" in said or "Error" in said:
        sys.exit(f"the deployments of prefect.yaml could not be registered; {path} ends with\n{said[-2000:]}")


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
