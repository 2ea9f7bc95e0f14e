"""A stage that placement sends to another pool is built there and found here; what cannot be is said at once."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prefect import flow, tags
from prefect.settings import PREFECT_API_URL

from flows.data import Data
from flows.experiment import load_experiment
from infra.api import client as client_of
from infra.work_pools.pool import register
from infra.work_pools.template import template
from tasks.corpus.corpus import CorpusConfig, corpus
from tasks.runtime.futures import finish
from tasks.runtime.placement import placement
from tasks.runtime.placement.placement import Place, PlacementError
from tasks.runtime.placement.placement_check import check
from tasks.runtime.placement.plain_call import find_stage
from tasks.runtime.planning import Noted, note
from tasks.runtime.settings import settings
from tasks.runtime.stage import store
from tasks.runtime.store.store import Artifact
from tests.conftest import ROOT


@pytest.fixture
def api(prefect_server: None) -> Iterator[httpx.Client]:
    with client_of(str(PREFECT_API_URL.value())) as client:
        yield client


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: httpx.Client) -> Iterator[Path]:
    """A pool with a worker, in the place of another machine."""
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "store"))
    settings.cache_clear()
    register(api, "elsewhere", "process", template("process", gpus=0), runs=1)
    given = {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    serve = [sys.executable, "-m", "infra.work_pools", "serve", "elsewhere"]
    with subprocess.Popen(serve, cwd=ROOT, env=os.environ | given) as worker:
        online = {"workers": {"status": {"any_": ["ONLINE"]}}}
        for _ in range(240):
            if api.post("/work_pools/elsewhere/workers/filter", json=online).json():
                break
            assert worker.poll() is None
            time.sleep(0.5)
        yield tmp_path
        worker.terminate()
    settings.cache_clear()


def test_a_placed_stage_is_built_by_the_other_pool(elsewhere: Path) -> None:
    file = elsewhere / "corpus.jsonl"
    file.write_text(json.dumps({"source": "a", "problem": "What is 1 + 1?", "solution": "1 + 1 = 2\n\\boxed{2}"}))
    table = {"corpus": Place(pool="elsewhere", memory="1g")}

    @flow
    def here() -> Artifact:
        check(table, {"corpus": 0})
        placement.use(table)
        note({("corpus a (sft/0)", "corpus"): Noted(7.5, 1.0, "rows", lambda _: None)})
        with tags("sft/0"):
            return finish(corpus.submit(CorpusConfig(name="a", format="numinamath_cot", path=str(file))))

    made = here()
    assert store().find(made.key) == made
    built = store().manifest(made.key).run
    # What this run planned is kept there, beside what came of it.
    planned = store().manifest(made.key).timings["planned"]
    assert planned == {"seconds": 7.5, "amount": 1.0, "unit": "rows", "done": 1.0}
    assert (built["flow_run"], built["task_run"]) == ("tasks.corpus.corpus:corpus", "corpus a (sft/0)")
    assert here() == made


def test_what_cannot_be_placed_is_said_with_what_to_type(api: httpx.Client) -> None:
    register(api, "gpus", "kubernetes", template("kubernetes", gpus=2), runs=None)
    api.post("/work_pools/", json={"name": "bare", "type": "docker"}).raise_for_status()

    def said(pool: str, gpus: int | None = None, needed: int | None = 1) -> str:
        with pytest.raises(PlacementError) as error:
            check({"train_agent": Place(pool=pool, gpus=gpus)}, {"train_agent": needed})
        return str(error.value)

    assert "no such work pool: did you mean gpus? There are bare, " in said("gpu")
    assert "python -m infra.work_pools create gpu makes it" in said("gpu")
    assert "train_agent needs 4 GPUs, there a run has at most 2: another pool" in said("gpus", needed=4)
    assert "train_agent computes on 4: set it to 4, or leave it out" in said("gpus", gpus=2, needed=4)
    assert "no deployment stage/bare" in said("bare")
    assert "python -m infra.work_pools create bare --type docker" in said("bare")
    assert "no worker serves gpus, on the machine that shall: prefect worker start --pool gpus" in said("gpus")
    check({}, {"train_agent": 4})


def test_a_stage_that_is_not_placed_needs_its_gpus_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWRITING_AGENT_DEVICE", "cuda")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    settings.cache_clear()
    try:
        check({}, {"train_agent": 2, "finetune": None})
        with pytest.raises(
            PlacementError, match="train_agent computes on 4 GPUs, this machine has 2: fewer by a preset"
        ):
            check({}, {"train_agent": 4, "score": 1})
    finally:
        settings.cache_clear()


def test_nothing_is_downloaded_before_the_pools_are_known_to_be_there(
    api: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "store"))
    settings.cache_clear()
    experiment = load_experiment("Llama-3.2-1B-Instruct", {"placement.train_agent.pool": "nowhere"})

    @flow
    def data() -> None:
        Data(experiment)

    with pytest.raises(PlacementError, match=r"placement\.train_agent\.pool=nowhere: there is no such work pool"):
        data()
    assert not (tmp_path / "store").exists()
    settings.cache_clear()


def test_only_stages_of_this_project_can_be_asked_for() -> None:
    for name in (
        "os:system",
        "tasks.runtime.store.store:Store",
        "tasks.corpus.corpus:nothing",
        "flows.pipeline:pipeline",
    ):
        with pytest.raises(ValueError, match="is no stage"):
            find_stage(name)
