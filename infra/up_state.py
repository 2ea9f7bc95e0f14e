"""What `make up` started, and where: up.json beside Prefect's database and logs.

Example:
    {"api": "http://127.0.0.1:4200/api", "dashboard": "http://127.0.0.1:41811", "ready": true,
     "processes": [{"name": "server", "pid": 4711, "created": 1.79e9}, …]}
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.login import login
from infra.processes import find
from tasks.runtime.files.whole_file import write_json
from tasks.runtime.settings import settings

Started = list[dict[str, Any]]  # name, process id and time of creation of each process, as they were started


def home() -> Path:
    """Where Prefect's database and logs lie."""
    return Path(os.environ.get("PREFECT_HOME") or settings().environments / "prefect")


def address() -> str | None:
    """The API of the server that `make up` started, if it still runs."""
    state = read_state()
    alive = [one["name"] for one in state.get("processes", []) if find(one)]
    return str(state["api"]) if "server" in alive else None


def client_environment() -> dict[str, str]:
    """What a Prefect client needs to use that server, as environment variables; empty where none runs."""
    url = address()
    return {} if url is None else {"PREFECT_API_URL": url} | login()


def read_state() -> dict[str, Any]:
    """What up.json says; empty where nothing was started."""
    try:
        return dict(json.loads(_file().read_text()))
    except (OSError, ValueError):
        return {}


def write_state(api: str, dashboard: str, started: Started, ready: bool) -> None:
    """After every start, so that `down` finds what a killed `up` left."""
    write_json(_file(), {"api": api, "dashboard": dashboard, "processes": started, "ready": ready})


def forget_state() -> None:
    """Nothing is up any more."""
    _file().unlink(missing_ok=True)


def port_of_before(otherwise: int) -> int:
    """The port that the dashboard had when it was last started from here: runs have left links to it."""
    try:
        return int(_port_file().read_text())
    except (OSError, ValueError):
        return otherwise


def remember_port(port: int) -> None:
    """Also when all has ended."""
    write_json(_port_file(), port)


@contextmanager
def alone() -> Iterator[None]:
    """One `up` or `down` at a time. The lock ends with its holder; what it started does not inherit it."""
    with (home() / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another `make up` or `make down` is at work: waiting for it …", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _file() -> Path:
    return home() / "up.json"


def _port_file() -> Path:
    return home() / "dashboard.port"
