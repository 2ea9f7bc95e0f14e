"""`make up` and `make down`: a Prefect server, a work pool, the deployments, a worker and the dashboard, on loopback.

The server binds to 127.0.0.1. With PREFECT_SERVER_API_AUTH_STRING=user:password it asks for a login; the worker and
`rewriting-agent` get in with the same variable. What Prefect says lies in up.log, server.log and worker.log of
PREFECT_HOME (.envs/prefect by default); up.json there says which processes run.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import httpx
import psutil

from infra.api import client as client_of
from infra.dashboard.serve import PORT, free_port
from infra.ending import end_all
from infra.login import basic_auth, login, page_of, refusal
from infra.processes import find
from infra.registration import (
    GPU_POOL,
    POOL,
    PREFECT,
    close_runs_without_process,
    gpus_here,
    register_automations,
    register_deployments,
    register_pools,
)
from infra.service_check import check_services
from infra.up_state import Started, alone, home, port_of_before, read_state, remember_port, write_state
from infra.user_changes import put_back, set_aside
from tasks.runtime import bytecode
from tasks.runtime.settings import ROOT

HOST = "127.0.0.1"
# How often the scheduler looks: Prefect's 60 s are long for one who has switched a schedule on and waits for its runs.
# No word of the company's other products on the pages.
DEFAULTS = {
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "10",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}
STARTUP_SECONDS = 180
SERVER = [sys.executable, "-m", "uvicorn", "--factory", "infra.prefect_app:create_app", "--host", HOST]


def up() -> None:
    """Start everything and print the address. Starting twice is harmless; what has crashed is started anew."""
    home().mkdir(parents=True, exist_ok=True)
    with alone():
        state = read_state()
        dead = [one["name"] for one in state.get("processes", []) if not find(one)]
        if state and not dead and state["ready"]:
            if said := refusal(state["api"]):
                sys.exit(said)
            print("already ", end="")
            _say_where(state["api"], state["dashboard"])
            return
        for name in dead:
            print(f"the {name} has ended by itself (see {home() / f'{name}.log'}): starting everything anew")
        end_all()
        try:
            wrong = _start_all()
        except BaseException as error:
            end_all()
            if isinstance(error, KeyboardInterrupt):
                sys.exit("\ninterrupted; nothing is left running")
            raise
    if wrong:
        sys.exit("it runs, but not as it should; `make down up` starts it anew:\n" + "\n".join(wrong))


def down() -> None:
    """End the worker, its runs with their engines, and the server."""
    home().mkdir(parents=True, exist_ok=True)
    with alone():
        print("down" if end_all() else "nothing is up")


def _start_all() -> list[str]:
    """Start server and worker, register what they serve; says what is wrong with the server's services, if anything."""
    port = _port(int(os.environ.get("PREFECT_SERVER_API_PORT", "4200")))
    api = f"http://{HOST}:{port}/api"
    environment = DEFAULTS | os.environ
    environment |= {
        "PREFECT_HOME": str(home()),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT__SERVER_FINAL": "1",  # as `prefect server start` sets it
        "DO_NOT_TRACK": "1",
        **login(),
    }
    remember_port(shown := free_port(port_of_before(PORT)))
    dashboard_at = f"http://{HOST}:{shown}"
    environment["REWRITING_AGENT_DASHBOARD"] = dashboard_at  # runs link to it
    log_from = log.stat().st_size if (log := home() / "server.log").exists() else 0
    started: Started = []

    def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (home() / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                arguments,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # it outlives this terminal, and Ctrl-C in it
            )
        started.append({"name": name, "pid": process.pid, "created": psutil.Process(process.pid).create_time()})
        write_state(api, dashboard_at, started, ready=False)
        return process

    print(f"starting the server on {page_of(api)} (15 to 60 s) …", flush=True)
    server = start("server", *SERVER, "--port", str(port), "--log-level", "warning")
    _wait("server", server, lambda: httpx.get(f"{api}/health", timeout=2).status_code == 200)
    print("registering work pool, deployments and automations; starting a worker (15 to 60 s) …", flush=True)
    with client_of(api, basic_auth()) as client:
        register_pools(client)
        register_automations(client)
        close_runs_without_process(client)
        # Both take as long as Prefect's import does: side by side.
        worker = start("worker", PREFECT, "worker", "start", "--pool", POOL)
        if gpus_here():
            start("gpu-worker", sys.executable, "-m", "infra.work_pools", "serve", GPU_POOL)
        set_aside(client, record := home() / "deployed.json")
        register_deployments(environment)
        for line in put_back(client, record):
            print(line)
        workers = f"/work_pools/{POOL}/workers/filter"
        online = {"workers": {"status": {"any_": ["ONLINE"]}}}
        _wait("worker", worker, lambda: bool(client.post(workers, json=online).raise_for_status().json()))
        wrong = check_services(client, log, log_from)
    dashboard = start("dashboard", sys.executable, "-m", "infra.dashboard.serve", str(shown))
    _wait("dashboard", dashboard, lambda: httpx.get(f"{dashboard_at}/health", timeout=2).status_code == 200)
    write_state(api, dashboard_at, started, ready=True)
    _say_where(api, dashboard_at)
    return wrong


def _say_where(api: str, dashboard: str) -> None:
    print(f"up: {page_of(api)}  (deployments → nano → Run)")
    print(f"dashboard: {dashboard}  (runs, where every number comes from)")
    print(f"logs: {home()}\n`make down` ends it.")


def _wait(name: str, process: subprocess.Popen[bytes], ready: Any) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    log = home() / f"{name}.log"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            sys.exit(f"the {name} ended with status {process.returncode}; {log} ends with\n{end}")
        try:
            if ready():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    sys.exit(f"the {name} was not ready within {STARTUP_SECONDS} s: see {log}")


def _port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: free right after `down`
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found = int(probe.getsockname()[1])
            if found != wanted:
                print(f"port {wanted} is taken (PREFECT_SERVER_API_PORT names another): using {found}")
            return found
    sys.exit("no free port on loopback")


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    bytecode.kept()
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # SIGINT too: a script's background jobs ignore it
        signal.signal(ending, _interrupt)
    try:
        {"up": up, "down": down}[sys.argv[1]]()
    except KeyboardInterrupt:
        sys.exit(130)
