"""Prefect on Postgres by one setting, for real: `make up`, and two workers that share a store."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.api import client as client_of
from infra.work_pools.pool import register
from infra.work_pools.template import template
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def binaries() -> Path:
    """Postgres' own programs, as the system's package has them."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("Postgres is not installed (apt-get install postgresql)")
    return folders[-1]


@pytest.fixture
def postgres() -> Iterator[str]:
    """The URL of a database of its own, on loopback."""
    # Postgres does not run as root, and pytest's folders are the user's alone.
    found, folder, port = binaries(), Path(tempfile.mkdtemp(prefix="postgres-")), free_port()
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": "postgres"}
        shutil.chown(folder, "postgres")

    def call(*command: str | Path) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)

    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
    call(found / "initdb", "-D", folder / "data", "-U", "prefect", "-A", "trust")
    call(found / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start")
    try:
        call(found / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "prefect", "prefect")
        yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/prefect"
    finally:
        call(found / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def up(postgres: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a `make up` on that database."""
    given = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": postgres,
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_SERVER_API_PORT": str(free_port()),
        "REWRITING_AGENT_STORE": str(tmp_path / "store"),
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | given
    command = [sys.executable, "-m", "infra.server"]
    try:
        done = subprocess.run([*command, "up"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        yield environment
    finally:
        subprocess.run([*command, "down"], cwd=ROOT, env=environment, check=True)


def test_two_workers_on_one_store_build_each_stage_once(up: dict[str, str], tmp_path: Path) -> None:
    assert not list((tmp_path / "prefect").glob("*.db")), "all is in Postgres"
    api = json.loads((tmp_path / "prefect" / "up.json").read_text())["api"]
    environment = up | {"PREFECT_API_URL": api, "PREFECT_WORKER_QUERY_SECONDS": "2"}
    with client_of(api) as client:
        register(client, "two", "process", template("process", gpus=0), runs=None)
        of = client.get("/deployments/name/stage/two").raise_for_status().json()["id"]
        file = tmp_path / "corpus.jsonl"
        file.write_text(json.dumps({"source": "a", "problem": "What is 1 + 1?", "solution": "1 + 1 = 2\n\\boxed{2}"}))
        configs = [{"name": name, "format": "numinamath_cot", "path": str(file)} for name in ("a", "b", "c")]
        runs = []
        for config in [*configs, *configs]:
            asked = {"parameters": {"stage": "tasks.corpus.corpus:corpus", "config": config, "inputs": {}}}
            runs.append(client.post(f"/deployments/{of}/create_flow_run", json=asked).raise_for_status().json()["id"])
        serve = [sys.executable, "-m", "infra.work_pools", "serve", "two"]
        workers = [subprocess.Popen(serve, cwd=ROOT, env=environment) for _ in range(2)]
        try:
            deadline = time.monotonic() + 600
            while {state(client, run) for run in runs} != {"Completed"}:
                assert time.monotonic() < deadline, [state(client, run) for run in runs]
                assert all(worker.poll() is None for worker in workers)
                time.sleep(1)
            time.sleep(3)  # task runs reach the server as events, a moment after the run's end
            mine = {"flow_runs": {"id": {"any_": runs}}}
            ended = [one["state_name"] for one in client.post("/task_runs/filter", json=mine).json()]
            served = client.post("/work_pools/two/workers/filter", json={}).json()
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(timeout=60)
    names = {
        json.loads(one.read_text())["config"]["name"] for one in (tmp_path / "store").glob("artifacts/*/manifest.json")
    }
    assert names == {"a", "b", "c"}
    assert sorted(ended) == ["Built"] * 3 + ["Cached"] * 3
    assert len(served) == 2


def state(client: httpx.Client, run: str) -> str:
    return str(client.get(f"/flow_runs/{run}").raise_for_status().json()["state_name"])
