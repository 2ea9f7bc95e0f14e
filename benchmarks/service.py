"""What a user of the page waits for.

service_ready:     from `make up` to the address that it prints; beside it Prefect's own server until it answers
service_submit:    from a run's creation until it is Running; beside it the import of the flow, which it cannot beat
service_dashboard: from `make up`'s end until the dashboard has answered its first page

The server, its database and its store are made anew in a folder of their own and gone afterwards.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks._beside import tell
from infra.dashboard.serve import free_port
from infra.server import HOST, PREFECT
from tasks.runtime.settings import ROOT

REPEATS, SUBMITTED = 3, 5


def main() -> None:
    ready, bare, first, submit, imported = [], [], [], [], []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            bare.append(_bare(_environment(Path(folder) / "bare")))
            environment = _environment(Path(folder) / "ours")
            started = time.monotonic()
            said = _server("up", environment)
            ready.append(time.monotonic() - started)
            try:
                first.append(_first_page(said))
                api = f"http://{HOST}:{environment['PREFECT_SERVER_API_PORT']}/api"
                submit += [_until_running(api) for _ in range(SUBMITTED)]
                imported += [_import(environment) for _ in range(SUBMITTED)]
            finally:
                _server("down", environment)
    tell("service_ready", "s", "prefect's server alone", ready, bare, better="lower")
    tell("service_submit", "s", "import of the flow", submit, imported, better="lower")
    tell("service_dashboard", "s", "service_ready", first, ready, better="lower")


def _environment(folder: Path) -> dict[str, str]:
    folder.mkdir()
    given = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    return given | {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_API_PORT": str(free_port(0)),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "REWRITING_AGENT_STORE": str(folder / "store"),
        "DO_NOT_TRACK": "1",
    }


def _server(verb: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "infra.server", verb]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def _bare(environment: dict[str, str]) -> float:
    port = environment["PREFECT_SERVER_API_PORT"]
    started = time.monotonic()
    command = [PREFECT, "server", "start", "--host", HOST, "--port", port, "--log-level", "error"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        while not _answers(f"http://{HOST}:{port}/api/health"):
            time.sleep(0.1)
        took = time.monotonic() - started
        server.terminate()
    return took


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _first_page(said: str) -> float:
    address = next(line.split()[1] for line in said.splitlines() if line.startswith("dashboard:"))
    started = time.monotonic()
    httpx.get(address, timeout=60).raise_for_status()
    return time.monotonic() - started


def _until_running(api: str) -> float:
    """Seconds until a run of the shortest deployment is Running; it has ended when this returns."""
    with httpx.Client(base_url=api, timeout=60) as client:
        wanted = client.get("/deployments/name/maintenance/store-maintenance").raise_for_status().json()["id"]
        started = time.monotonic()
        run = client.post(f"/deployments/{wanted}/create_flow_run", json={}).raise_for_status().json()["id"]
        running = None
        while True:
            state: dict[str, Any] = client.get(f"/flow_runs/{run}").raise_for_status().json()["state"]
            if running is None and state["type"] in ("RUNNING", "COMPLETED"):
                running = time.monotonic() - started
            if state["type"] in ("COMPLETED", "FAILED", "CRASHED"):
                assert running is not None, state
                return running
            time.sleep(0.1)


def _import(environment: dict[str, str]) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import flows.maintenance"], cwd=ROOT, env=environment, check=True)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
