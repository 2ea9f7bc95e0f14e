"""`make up` and `make down`: a Prefect server, a work pool, the deployments and a worker, on loopback.

The server binds to 127.0.0.1. PREFECT_SERVER_API_AUTH_STRING=user:password makes it ask for a login; the same
string in PREFECT_API_AUTH_STRING lets the command line and the worker in.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from tasks.settings import ROOT, settings

HOST = "127.0.0.1"
POOL = "local"
STARTUP_SECONDS = 120


def home() -> Path:
    """Where Prefect's database and logs lie."""
    return Path(os.environ.get("PREFECT_HOME", settings().environments / "prefect"))


def _state() -> Path:
    return home() / "up.json"


def address() -> str | None:
    """The API of the server that `make up` started, if it still runs."""
    try:
        state = json.loads(_state().read_text())
        alive = all(_is(one["pid"], one["created"]) for one in state["processes"])
    except (OSError, ValueError, KeyError):
        return None
    return str(state["api"]) if alive else None


def up() -> None:
    """Start everything and print the address. Starting twice is harmless."""
    if (running := address()) is not None:
        print(f"already up: {running.removesuffix('/api')}")
        return
    down()
    home().mkdir(parents=True, exist_ok=True)
    port = _free_port(int(os.environ.get("PREFECT_SERVER_API_PORT", "4200")))
    api = f"http://{HOST}:{port}/api"
    environment = os.environ | {
        "PREFECT_HOME": str(home()),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    if "PREFECT_SERVER_API_AUTH_STRING" in environment:
        environment.setdefault("PREFECT_API_AUTH_STRING", environment["PREFECT_SERVER_API_AUTH_STRING"])
    prefect = str(Path(sys.executable).with_name("prefect"))
    processes = [_start([prefect, "server", "start"], environment, "server")]
    print(f"starting the server on {api.removesuffix('/api')} (about 20 s) …", flush=True)
    _wait_for(f"{api}/health", processes[0])

    def run(*arguments: str) -> None:
        subprocess.run([prefect, "--no-prompt", *arguments], env=environment, cwd=ROOT, check=True, stdout=sys.stderr)

    run("work-pool", "create", POOL, "--type", "process", "--overwrite")
    run("work-pool", "set-concurrency-limit", POOL, "1")
    run("deploy", "--all")
    processes.append(_start([prefect, "worker", "start", "--pool", POOL], environment, "worker"))
    listed = [{"pid": one.pid, "created": psutil.Process(one.pid).create_time()} for one in processes]
    _state().write_text(json.dumps({"api": api, "processes": listed}))
    print(f"up: {api.removesuffix('/api')}\nlogs: {home()}\n`make down` ends it.")


def down() -> None:
    """End the worker, the server and everything they started."""
    try:
        listed = json.loads(_state().read_text())["processes"]
    except (OSError, ValueError, KeyError):
        return
    family: list[psutil.Process] = []
    for one in reversed(listed):
        if _is(one["pid"], one["created"]):
            process = psutil.Process(one["pid"])
            family += [*process.children(recursive=True), process]
    for process in family:
        process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=15)
    for process in alive:
        process.kill()
    _state().unlink(missing_ok=True)
    print("down")


def _start(command: list[str], environment: dict[str, str], name: str) -> subprocess.Popen[bytes]:
    with (home() / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"the server ended with status {server.returncode}: see {home() / 'server.log'}")
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    server.terminate()
    sys.exit(f"the server did not answer within {STARTUP_SECONDS} s: see {home() / 'server.log'}")


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
            except OSError:
                continue
    sys.exit("no free port on loopback")


def _is(pid: int, created: float) -> bool:
    """Whether process `pid` is still the one that was started then."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    {"up": up, "down": down}[sys.argv[1]]()
