"""Do the server's services work? `make up` asks at its end: the page looks healthy also where none of them does.

A deployment that nobody runs, with a schedule that is on and a run that is overdue; within seconds
- the scheduler has planned its next run,
- the overdue run is marked Late,
- an event says so (automations hang on events).
Then it is deleted. What the server wrote into its log as an error meanwhile is quoted.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

NAME = "service-check"
FIRST_ANSWER = 120  # seconds; the services look every 5 to 10 s, on a loaded machine much later
NEXT_ANSWER = 30  # seconds after the one before: where one service gets to work, the others would too
ERROR = re.compile(r"^\S+ \| (ERROR|CRITICAL) .*|^Traceback .*", re.MULTILINE)
QUOTED = 5  # lines of an error


def check_services(client: httpx.Client, log: Path, log_from: int = 0) -> list[str]:
    """What is wrong with the server's services, a line each; empty where all work.

    Args:
        log: the server's log, whose errors from byte `log_from` on are quoted.
    """
    flow = client.post("/flows/", json={"name": NAME}).raise_for_status().json()["id"]
    try:
        wrong = _probe(client, flow)
    finally:
        client.delete(f"/flows/{flow}")
    return wrong + errors_in(log, log_from)


def errors_in(log: Path, start: int = 0) -> list[str]:
    """The first lines of each different error of a server's log."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode("utf-8", "replace")
    found: dict[str, str] = {}
    for match in ERROR.finditer(text):
        said = match[0]
        lines = text[match.start() :].splitlines()
        if said.startswith("Traceback"):  # told by its last line, the exception
            end = next((line for line in lines[1:] if line and not line.startswith((" ", "|", "+"))), "")
            found.setdefault(end, f"{log}: {end}")
        else:
            found.setdefault(said.partition(" | ")[2], f"{log}: " + "\n".join(lines[:QUOTED]))
    return list(found.values())


def _probe(client: httpx.Client, flow: str) -> list[str]:
    started = datetime.now(UTC)
    daily = {"schedule": {"interval": 86400}, "active": True}
    made = client.post("/deployments/", json={"name": NAME, "flow_id": flow, "schedules": [daily]})
    deployment = made.raise_for_status().json()["id"]
    overdue = {"type": "SCHEDULED", "state_details": {"scheduled_time": (started - timedelta(minutes=5)).isoformat()}}
    asked = client.post(f"/deployments/{deployment}/create_flow_run", json={"name": NAME, "state": overdue})
    run = asked.raise_for_status().json()["id"]

    def planned() -> bool:
        runs = client.post("/flow_runs/filter", json={"deployments": {"id": {"any_": [deployment]}}}).json()
        return any(one["auto_scheduled"] for one in runs)

    def late() -> bool:
        return str(client.get(f"/flow_runs/{run}").json()["state_name"]) == "Late"

    def told() -> bool:
        about = {"resource": {"id": [f"prefect.flow-run.{run}"]}, "occurred": {"since": started.isoformat()}}
        return bool(client.post("/events/filter", json={"filter": about}).json()["events"])

    waiting: dict[str, Callable[[], bool]] = {
        "the scheduler plans no run of a schedule that is on": planned,
        "a run that is overdue is not marked Late": late,
        "no event of a run arrives, so automations do nothing": told,
    }
    try:
        deadline = time.monotonic() + FIRST_ANSWER
        while waiting and time.monotonic() < deadline:
            time.sleep(0.5)
            before, waiting = waiting, {said: done for said, done in waiting.items() if not done()}
            if len(waiting) < len(before):
                deadline = time.monotonic() + NEXT_ANSWER
    finally:
        client.delete(f"/deployments/{deployment}")
        left = client.post("/flow_runs/filter", json={"flows": {"id": {"any_": [flow]}}}).json()
        for one in left:
            client.delete(f"/flow_runs/{one['id']}")
    return list(waiting)
