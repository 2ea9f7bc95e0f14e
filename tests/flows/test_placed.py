"""A stage that placement sends to another pool is built there and found here."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL

from tasks.corpus.corpus import CorpusConfig, corpus
from tasks.runtime.futures import finish
from tasks.runtime.placement import find_stage
from tasks.runtime.settings import settings
from tasks.runtime.stage import store
from tasks.runtime.store import Artifact
from tests.conftest import ROOT

# A worker of another machine: a runner that serves the deployment `stage/elsewhere`.
SERVE = "from flows.placed import stage; stage.serve(name='elsewhere', print_starting_message=False)"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: None) -> Iterator[Path]:
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "store"))
    environment = os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value()}
    monkeypatch.setenv("REWRITING_AGENT_PLACEMENT", '{"corpus": "elsewhere"}')
    settings.cache_clear()
    with subprocess.Popen([sys.executable, "-c", SERVE], cwd=ROOT, env=environment) as worker:
        for _ in range(240):
            url = f"{PREFECT_API_URL.value()}/deployments/name/stage/elsewhere"
            if httpx.get(url).status_code == 200:
                break
            assert worker.poll() is None
            time.sleep(0.5)
        yield tmp_path
        worker.terminate()
    settings.cache_clear()


def test_a_placed_stage_is_built_by_the_other_pool(elsewhere: Path) -> None:
    file = elsewhere / "corpus.jsonl"
    file.write_text(json.dumps({"source": "a", "problem": "What is 1 + 1?", "solution": "1 + 1 = 2\n\\boxed{2}"}))

    @flow
    def here() -> Artifact:
        return finish(corpus.submit(CorpusConfig(name="a", format="numinamath_cot", path=str(file))))

    made = here()
    assert store().find(made.key) == made
    assert store().manifest(made.key).run["flow_run"] == "tasks.corpus.corpus:corpus"
    assert here() == made


def test_only_stages_of_this_project_can_be_asked_for() -> None:
    for name in ("os:system", "tasks.runtime.store:Store", "tasks.corpus.corpus:nothing", "flows.pipeline:pipeline"):
        with pytest.raises(ValueError, match="is no stage"):
            find_stage(name)
