"""`make up` and `make down` on a real Prefect server: friendly, private, and nothing is left behind."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from flows.experiment import load_experiment
from infra import server
from infra.api import client as client_of
from infra.registration import GPU_POOL
from infra.service_check import errors_in
from tests.conftest import ROOT
from tests.flows.small import SMALL
from tests.infra.session import LOGIN, Session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    made = Session(tmp_path_factory.mktemp("up"), LOGIN)
    yield made
    made("down")
    assert made.processes() == []


@pytest.fixture(scope="module")
def said(session: Session) -> str:
    """What the first `up` prints."""
    return session("up")


@pytest.fixture
def client(session: Session, said: str) -> Iterator[httpx.Client]:
    with client_of(f"http://{server.HOST}:{session.port}/api", LOGIN) as made:
        yield made


def test_up_is_short_and_says_where_the_page_is(session: Session, said: str) -> None:
    assert f"up: http://127.0.0.1:{session.port} " in said
    dashboard = said.split("dashboard: ")[1].split()[0]
    assert httpx.get(dashboard).status_code == 401 and httpx.get(dashboard, auth=LOGIN).status_code == 200
    assert len(said.splitlines()) <= 6
    assert (session.home / "server.log").exists()


def test_up_twice_is_harmless(session: Session, said: str) -> None:
    before = session.state()
    again = session("up")
    assert again.startswith(f"already up: http://127.0.0.1:{session.port} ")
    assert said.endswith(again.removeprefix("already "))  # the same addresses
    assert session.state() == before


def test_the_server_listens_on_loopback_only(session: Session, said: str) -> None:
    pid = next(one["pid"] for one in session.state()["processes"] if one["name"] == "server")
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    listening = [one.laddr for process in family for one in process.net_connections("inet") if one.status == "LISTEN"]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert session.port in {address.port for address in listening}


def test_without_the_login_there_is_no_way_in(client: httpx.Client) -> None:
    assert client.get("/health").status_code == 200
    assert client.post("/flow_runs/count", json={}).status_code == 200
    assert client.post("/flow_runs/count", json={}, auth=("admin", "guess")).status_code == 401
    assert httpx.post(f"{client.base_url}flow_runs/count", json={}).status_code == 401


def test_the_login_is_written_nowhere(session: Session, said: str) -> None:
    assert LOGIN[1] not in said
    for path in session.home.iterdir():
        if path.suffix in (".log", ".json", ".toml"):
            assert LOGIN[1] not in path.read_text(errors="replace"), path.name
    for process in session.processes():
        assert LOGIN[1] not in " ".join(process.cmdline())


def test_deployments_stand_there_with_their_values_and_their_schedules_asleep(client: httpx.Client) -> None:
    listed = client.post("/deployments/filter", json={}).raise_for_status().json()
    flows = {flow["id"]: flow["name"] for flow in client.post("/flows/filter", json={}).json()}
    names = {f"{flows[one['flow_id']]}/{one['name']}" for one in listed}
    assert {"pipeline/nano", "study/nano-study", "ablation/Mistral-7B-Instruct-v0.3-ablation"} <= names
    for one in listed:
        if flows[one["flow_id"]] == "stage":
            continue  # asked for by placement, never by the clock
        assert not any(schedule["active"] for schedule in one["schedules"])
        assert one["global_concurrency_limit"]["limit"] == 1
        assert any(tag.startswith("kind:") for tag in one["tags"])
    nano = next(one for one in listed if one["name"] == "nano" and flows[one["flow_id"]] == "pipeline")
    assert nano["parameters"] == {"backbone": "nano"}
    assert nano["parameter_openapi_schema"]["definitions"]["TrainAgentConfig"]["properties"]["steps"]["description"]


def test_a_worker_serves_the_pool_one_run_at_a_time(client: httpx.Client) -> None:
    pool = client.get(f"/work_pools/{server.POOL}").raise_for_status().json()
    assert (pool["type"], pool["concurrency_limit"], pool["status"]) == ("process", 1, "READY")
    assert pool["base_job_template"]["variables"]["properties"], "the worker filled in what a run's form may set"


def test_the_gpu_pool_is_not_ready_and_pools_have_queues_by_priority(client: httpx.Client) -> None:
    pool = client.get(f"/work_pools/{GPU_POOL}").raise_for_status().json()
    assert (pool["type"], pool["status"]) == ("process", "NOT_READY")
    for name in (GPU_POOL, server.POOL):
        queues = client.post(f"/work_pools/{name}/queues/filter", json={}).raise_for_status().json()
        assert {one["name"]: one["priority"] for one in queues} == {"high": 1, "default": 2, "low": 3}


def test_runs_without_heartbeats_become_crashed(client: httpx.Client) -> None:
    (automation,) = client.post("/automations/filter", json={}).raise_for_status().json()
    assert automation["enabled"]
    assert automation["actions"][0]["state"] == "CRASHED"


def test_the_command_line_gets_in(session: Session, said: str) -> None:
    code = "from infra.up_state import client_environment; import os; os.environ.update(client_environment())\n"
    code += "from prefect.client.orchestration import get_client\n"
    code += "with get_client(sync_client=True) as client: print(len(client.read_deployments()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=session.environment, capture_output=True, text=True, timeout=120
    )
    registered = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert done.stdout.strip() == str(len(registered) + len(("stage/local", "stage/gpu"))), done.stderr


def test_a_command_without_the_login_says_so_in_words(session: Session, said: str) -> None:
    for login, words in (
        (None, "asks for a login: set PREFECT_API_AUTH_STRING"),
        ("admin:guess", "does not take the login"),
    ):
        environment = {name: value for name, value in session.environment.items() if "AUTH_STRING" not in name}
        environment |= {"PREFECT_API_AUTH_STRING": login} if login else {}
        for command in (["-m", "flows", "run", "--preset", "smoke"], ["-m", "infra.server", "up"]):
            done = subprocess.run(
                [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 1
            assert words in " ".join(done.stderr.split()) and "Traceback" not in done.stderr


def test_a_schedule_that_is_switched_on_runs_and_what_was_changed_survives_down_and_up(
    session: Session, client: httpx.Client
) -> None:
    """As the UI does it: the schedule is on and asks for the next minute, limit and seed are others."""

    def deployment() -> dict[str, Any]:
        return dict(client.get("/deployments/name/pipeline/nano").raise_for_status().json())

    def runs() -> list[dict[str, Any]]:
        mine = {"deployments": {"id": {"any_": [deployment()["id"]]}}}
        return [
            run
            for run in client.post("/flow_runs/filter", json=mine).raise_for_status().json()
            if run["auto_scheduled"]
        ]

    nano = deployment()
    (weekly,) = nano["schedules"]
    assert weekly["parameters"] == {"seeds": "next"}
    small = load_experiment("nano", SMALL).model_dump(mode="json", exclude_unset=True)
    changed = {"parameters": {"experiment": small, "method": "sft", "seeds": [3]}, "concurrency_limit": 2}
    client.patch(f"/deployments/{nano['id']}", json=changed).raise_for_status()
    soon = datetime.now(UTC) + timedelta(seconds=100)
    cron = {"cron": f"{soon.minute} {soon.hour} * * *", "timezone": "UTC"}
    switched = {"active": True, "schedule": cron}
    client.patch(f"/deployments/{nano['id']}/schedules/{weekly['id']}", json=switched).raise_for_status()

    deadline = time.monotonic() + 600
    while not (done := [run for run in runs() if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED")]):
        assert time.monotonic() < deadline, runs()
        time.sleep(2)
    assert [(run["name"], run["state_type"]) for run in done] == [("nano-sft-seed-0", "COMPLETED")]
    assert len([run for run in runs() if run["state_name"] == "Scheduled"]) >= 2, "the days after are planned"

    session("down")
    said = session("up")
    assert "pipeline/nano: kept as changed in the UI:" in said
    after = deployment()
    assert after["parameters"] == changed["parameters"], "backbone, which was taken out, stays out"
    assert after["global_concurrency_limit"]["limit"] == 2
    ((active, schedule, parameters),) = [
        (one["active"], one["schedule"], one["parameters"]) for one in after["schedules"]
    ]
    assert (active, schedule["cron"], parameters) == (True, cron["cron"], {"seeds": "next"})
    deadline = time.monotonic() + 120
    while not [run for run in runs() if run["state_name"] == "Scheduled"]:
        assert time.monotonic() < deadline, "no run is planned after `make down up`"
        time.sleep(1)
    assert errors_in(session.home / "server.log") == []


def test_after_a_crash_up_says_so_closes_what_was_running_and_can_be_interrupted(
    session: Session, client: httpx.Client
) -> None:
    nano = client.get("/deployments/name/pipeline/nano").raise_for_status().json()
    running = {"state": {"type": "RUNNING"}}
    run = client.post(f"/deployments/{nano['id']}/create_flow_run", json=running).raise_for_status().json()
    pid = next(one["pid"] for one in session.state()["processes"] if one["name"] == "server")
    psutil.Process(pid).kill()

    again = session.start("up")
    assert again.stdout is not None
    first = again.stdout.readline()
    assert first.startswith("the server has ended by itself"), first
    while "starting the server" not in again.stdout.readline():
        pass
    time.sleep(2)
    again.send_signal(signal.SIGINT)
    rest, _ = again.communicate(timeout=60)
    assert "nothing is left running" in rest
    assert "Traceback" not in rest
    assert again.returncode != 0
    assert session.processes() == []
    assert session("down") == "nothing is up\n"

    assert f"run {run['name']}: its process is gone, marked crashed" in session("up")
    assert client.get(f"/flow_runs/{run['id']}").raise_for_status().json()["state_type"] == "CRASHED"


def test_a_port_that_is_taken_is_said_and_another_one_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind((server.HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        assert server._port(taken) != taken
    assert f"port {taken} is taken" in capsys.readouterr().out
