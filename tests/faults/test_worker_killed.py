"""kill -9 of the worker of `make up` while its run computes: the run goes on, or the next worker's run ends the same.

Nobody starts a worker anew but `make up`, which ends first what the dead one has left. Either way the rows are the
same, each once, what is published does not change, and after `make down` no process is left.
"""

import time
from pathlib import Path

import httpx
import psutil
import pytest

from infra import server
from infra.api import client as client_of
from tasks.runtime.store.store import Store
from tests.faults.conftest import Figure
from tests.faults.runs import SAME, all_gone, copy_without, digests, each_row_once, engines_of
from tests.faults.test_kill_each_stage import wait_for_engine
from tests.flows.small import small_experiment
from tests.infra.session import Session

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

ENDS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def submit(client: httpx.Client) -> str:
    """A small run, as the form makes it; its id."""
    nano = client.get("/deployments/name/pipeline/nano").raise_for_status().json()["id"]
    asked = {"parameters": {"experiment": small_experiment().model_dump(mode="json", exclude_unset=True)}}
    return str(client.post(f"/deployments/{nano}/create_flow_run", json=asked).raise_for_status().json()["id"])


def state(client: httpx.Client, run: str) -> str:
    return str(client.get(f"/flow_runs/{run}").raise_for_status().json()["state_type"])


def end_of(client: httpx.Client, run: str) -> str:
    """How the run ended."""
    deadline = time.monotonic() + 1500
    while (now := state(client, run)) not in ENDS:
        assert time.monotonic() < deadline, now
        time.sleep(1)
    return now


def kill_worker(session: Session) -> None:
    [worker] = [psutil.Process(one["pid"]) for one in session.state()["processes"] if one["name"] == "worker"]
    worker.kill()


@pytest.mark.parametrize(
    ("kind", "module", "up_again"),
    [("rewrite", "tasks.rewrite.vllm_engine", False), ("finetune", "tasks.finetune.llamafactory", True)],
)
def test_kill_9_of_the_worker(
    kind: str, module: str, up_again: bool, undisturbed: Store, tmp_path: Path, figure: Figure
) -> None:
    session = Session(tmp_path)
    root = Path(session.environment["REWRITING_AGENT_STORE"])
    store = copy_without([kind], undisturbed, root)
    kept = digests(store)
    session("up")
    try:
        with client_of(f"http://{server.HOST}:{session.port}/api") as client:
            run = submit(client)
            engine = wait_for_engine(root, module)
            [flow] = engines_of(root, "-m prefect.engine")
            kill_worker(session)
            if up_again:
                assert "the worker has ended by itself" in session("up")
                assert state(client, run) == "CRASHED", "it says so, and not its deployment's only slot for ever"
                assert not engine.is_running() and not flow.is_running()
                run = submit(client)
            assert end_of(client, run) == "COMPLETED"
    finally:
        session("down")
    assert all_gone(root)
    assert kept.items() <= digests(store).items(), "published artifacts do not change"
    assert each_row_once(store)
    assert digests(store, SAME) == digests(undisturbed, SAME)
    assert not list((root / "partial").iterdir())
    how = "`make up` ends it, the next one ends the same" if up_again else "it goes on to its end, told in the UI alone"
    figure(f"kill -9 of the worker of a run in {kind}", tried=1, held=1, how=f"{how}; byte-equal, no process left")
