"""The server's services: a schedule that is switched on plans runs; `make up` notices a service that does nothing."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra import server, service_check
from infra.api import client as client_of
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[httpx.Client]:
    """A server as `make up` starts it, but for one service that is off."""
    with socket.socket() as free:
        free.bind((server.HOST, 0))
        port = str(free.getsockname()[1])
    api = f"http://{server.HOST}:{port}/api"
    environment = server.DEFAULTS | os.environ | {"PREFECT_HOME": str(home), "PREFECT_API_URL": api}
    environment |= {
        "PREFECT__SERVER_FINAL": "1",
        "PREFECT_UI_ENABLED": "0",
        "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    }
    for inherited in ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"):
        environment.pop(inherited, None)
    command = [*server.SERVER, "--port", port, "--log-level", "warning"]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        with client_of(api) as made:
            deadline = time.monotonic() + server.STARTUP_SECONDS
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    made.get("/health")
                    break
                except httpx.TransportError:
                    time.sleep(0.2)
            yield made
    finally:
        process.terminate()
        process.wait(30)


def test_a_schedule_that_is_switched_on_plans_runs_with_its_own_parameters(client: httpx.Client) -> None:
    flow = client.post("/flows/", json={"name": "pipeline"}).raise_for_status().json()["id"]
    weekly = {"schedule": {"cron": "0 2 * * 6", "timezone": "UTC"}, "active": False, "parameters": {"seeds": "next"}}
    asked = {"name": "nano", "flow_id": flow, "parameters": {"method": "sft"}, "schedules": [weekly]}
    asked["tags"] = ["kind:pipeline"]
    deployment = client.post("/deployments/", json=asked).raise_for_status().json()
    (schedule,) = deployment["schedules"]
    path = f"/deployments/{deployment['id']}/schedules/{schedule['id']}"
    client.patch(path, json={"active": True}).raise_for_status()

    deadline, runs = time.monotonic() + 60, []
    while not runs and time.monotonic() < deadline:
        time.sleep(0.5)
        runs = client.post("/flow_runs/filter", json={"deployments": {"id": {"any_": [deployment["id"]]}}}).json()
    assert len(runs) >= 3
    assert {run["state_name"] for run in runs} == {"Scheduled"}
    assert [run["parameters"] for run in runs] == [{"method": "sft", "seeds": "next"}] * len(runs)
    assert {run["name"] for run in runs} == {"nano-sft-seed-next"}, "waiting runs have their names already"
    assert {"backbone:nano", "method:sft", "cpu", "auto-scheduled"} <= set(runs[0]["tags"])


def test_a_run_that_cannot_be_is_refused_with_what_was_meant_and_others_have_their_names(
    client: httpx.Client,
) -> None:
    flow = client.post("/flows/", json={"name": "study"}).raise_for_status().json()["id"]
    made = {"name": "nano-study", "flow_id": flow, "tags": ["kind:study"], "parameters": {"backbones": ["nano"]}}
    deployment = client.post("/deployments/", json=made).raise_for_status().json()["id"]

    def ask(**parameters: object) -> httpx.Response:
        body = {"name": "Odd-Bird", "parameters": parameters}
        return client.post(f"/deployments/{deployment}/create_flow_run", json=body)

    refused = ask(changes=["sample.row=7"])
    assert (refused.status_code, refused.json()["detail"]) == (409, "no field sample.row: did you mean sample.rows?")
    assert "did you mean smoke?" in ask(preset=["smok"]).json()["detail"]
    assert client.post("/flow_runs/count", json={"flows": {"id": {"any_": [flow]}}}).json() == 0
    run = ask(methods=["sft", "dft"], seeds=[1, 2], preset=["smoke"]).raise_for_status().json()
    assert run["name"] == "nano-smoke-study-seeds-1-2"
    assert set(run["tags"]) == {"kind:study", "backbone:nano", "method:sft", "method:dft", "cpu"}


def test_a_secret_that_is_typed_into_a_page_is_refused_and_in_no_file_of_the_server(
    client: httpx.Client, home: Path
) -> None:
    secret = "hf_4f0c1d5a9e27b3c8AbCdEf"
    flow = client.post("/flows/", json={"name": "secret"}).raise_for_status().json()["id"]
    made = {"name": "nano", "flow_id": flow, "tags": ["kind:pipeline"], "parameters": {"backbone": "nano"}}
    at = f"/deployments/{client.post('/deployments/', json=made).raise_for_status().json()['id']}"
    holding = {"parameters": {"changes": [f"gate.judge.extra_body={{api_key: {secret}}}"]}}
    weekly = {"schedule": {"cron": "0 2 * * 6", "timezone": "UTC"}, "active": False}
    variables = {"job_variables": {"env": {"HF_TOKEN": secret}}}
    asked = [
        client.post(f"{at}/create_flow_run", json=holding),
        client.post(f"{at}/create_flow_run", json=variables),
        client.post(f"{at}/schedules", json=[weekly | holding]),
        client.patch(at, json=holding),
        client.post("/deployments/", json=made | holding),
    ]
    said = "changes.0.gate.judge.extra_body.api_key: looks like a secret"
    assert [one.status_code for one in asked] == [409] * len(asked)
    assert all(said in one.json()["detail"] for one in asked if one is not asked[1])
    assert "env.HF_TOKEN: looks like a secret" in asked[1].json()["detail"]
    kept = client.patch(at, json={"parameters": {"seeds": [3]}})
    assert kept.is_success and client.get(at).json()["parameters"] == {"seeds": [3]}
    files = {path.name: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert "prefect.db" in files and not [name for name, data in files.items() if secret.encode() in data]


def test_pages_may_ask_nobody_but_the_server(client: httpx.Client) -> None:
    policy = client.get("/health").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'self'"
    allowed = {source for sources in rules.values() for source in sources.split()}
    assert allowed <= {"'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}, "no host"


@pytest.mark.slow
def test_a_service_that_does_nothing_is_named_and_the_others_are_not(client: httpx.Client, home: Path) -> None:
    wrong = service_check.check_services(client, home / "server.log")
    assert wrong == ["a run that is overdue is not marked Late"]
    names = {flow["name"] for flow in client.post("/flows/filter", json={}).json()}
    assert service_check.NAME not in names, "what was made for the check is gone"


def test_errors_of_the_log_are_told_once_each_by_what_they_say(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    failing = (
        "09:0{n}:00.1 | ERROR   | docket.worker - schedule_deployments failed\n"
        "Traceback (most recent call last):\n"
        '  File "x.py", line 1, in f\n'
        "sqlalchemy.exc.InvalidRequestError: Can't evaluate bulk DML statement\n"
    )
    log.write_text("an old | ERROR   | of yesterday\n09:00:00.1 | INFO    | all is well\n")
    start = log.stat().st_size
    assert service_check.errors_in(log, start) == []
    with log.open("a") as file:
        file.write("09:00:00.2 | WARNING | a warning\n" + failing.format(n=1) + failing.format(n=2))
    first, second = service_check.errors_in(log, start)
    assert "schedule_deployments failed" in first
    assert second == f"{log}: sqlalchemy.exc.InvalidRequestError: Can't evaluate bulk DML statement"
