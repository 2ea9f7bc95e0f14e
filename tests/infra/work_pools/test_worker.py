"""A worker in a Slurm job, without Slurm: the script is sent what Slurm sends."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from prefect.settings import PREFECT_API_URL

from infra.api import client as client_of
from infra.work_pools.pool import register
from infra.work_pools.template import template
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
POOL = "slurm"


@pytest.fixture
def api(prefect_server: None) -> Iterator[httpx.Client]:
    with client_of(str(PREFECT_API_URL.value())) as client:
        register(client, POOL, "process", template("process", gpus=0), runs=1)
        yield client


class Job:
    """The script as Slurm would start it, and what it printed."""

    def __init__(self, log: Path, grace: int) -> None:
        self.log = log
        given = {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "SLURM_SUBMIT_DIR": str(ROOT), "SLURM_JOB_ID": "77"}
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [ROOT / "infra" / "work_pools" / "slurm.sh", POOL, str(grace)],
                env=os.environ | given | {"PREFECT_WORKER_QUERY_SECONDS": "2"},
                stdout=file,
                stderr=file,
            )

    def end(self, number: signal.Signals) -> None:
        """Send a signal, and see the job end as it should."""
        self.process.send_signal(number)
        assert self.process.wait(timeout=90) == 0, self.log.read_text()


def deployment(api: httpx.Client) -> str:
    flow = api.post("/flows/", json={"name": "hold"}).raise_for_status().json()["id"]
    entrypoint = "tests/infra/work_pools/hold.py:hold"
    given = {"name": "hold", "flow_id": flow, "work_pool_name": POOL, "entrypoint": entrypoint, "path": str(ROOT)}
    steps = [{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}]
    made = api.post("/deployments/", json=given | {"pull_steps": steps, "enforce_parameter_schema": False})
    return str(made.raise_for_status().json()["id"])


def submit(api: httpx.Client, of: str, mark: Path, queue: str = "default") -> str:
    asked = {"parameters": {"mark": str(mark)}, "work_queue_name": queue}
    return str(api.post(f"/deployments/{of}/create_flow_run", json=asked).raise_for_status().json()["id"])


def state(api: httpx.Client, run: str) -> str:
    return str(api.get(f"/flow_runs/{run}").raise_for_status().json()["state_name"])


def wait(what: Callable[[], Any], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_job_ends_in_time_and_the_next_one_goes_on(api: httpx.Client, tmp_path: Path) -> None:
    of = deployment(api)
    first, later = tmp_path / "first", tmp_path / "later"
    job = Job(tmp_path / "job.log", grace=3)
    held = submit(api, of, first)
    wait(first.exists)
    waits = submit(api, of, later)
    job.end(signal.SIGUSR1)
    assert "takes no further runs" in job.log.read_text()
    assert state(api, held) == "AwaitingRetry"
    assert not psutil.pid_exists(int(first.read_text()))
    assert state(api, waits) in ("Scheduled", "Late")
    assert not later.exists()

    later.write_text("0")
    again = Job(tmp_path / "again.log", grace=600)
    wait(lambda: (state(api, held), state(api, waits)) == ("Completed", "Completed"))
    started = time.monotonic()
    again.end(signal.SIGUSR1)  # nothing goes on: it does not wait for its grace
    assert time.monotonic() - started < 60


def test_what_is_cancelled_is_not_put_back_and_high_goes_first(api: httpx.Client, tmp_path: Path) -> None:
    of = deployment(api)
    marks = {name: tmp_path / name for name in ("low", "default", "high")}
    runs = {name: submit(api, of, mark, name) for name, mark in marks.items()}
    job = Job(tmp_path / "job.log", grace=600)
    wait(marks["high"].exists)
    assert not marks["default"].exists()
    api.post(f"/flow_runs/{runs['high']}/set_state", json={"state": {"type": "CANCELLING"}}).raise_for_status()
    wait(lambda: state(api, runs["high"]) == "Cancelled")
    wait(lambda: not psutil.pid_exists(int(marks["high"].read_text())))
    wait(marks["default"].exists)
    assert not marks["low"].exists()
    job.end(signal.SIGTERM)
    assert state(api, runs["default"]) == "AwaitingRetry"
    assert state(api, runs["high"]) == "Cancelled"
