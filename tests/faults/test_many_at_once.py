"""The same run many times at once: each stage is built once, and all see the same artifact.

Two workers on one store and one server: tests/infra/work_pools/test_postgres.py.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from tasks.runtime.store.store import Store
from tests.conftest import ROOT
from tests.faults.conftest import Figure
from tests.tasks.runtime.stages_for_tests import CountConfig

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def test_eight_runs_at_once_build_once(prefect_server: None, tmp_path: Path, figure: Figure) -> None:
    config = CountConfig(upto=20, pause=0.5)
    command = [sys.executable, "-m", "tests.tasks.runtime.stages_for_tests", config.model_dump_json()]
    named = {"REWRITING_AGENT_STORE": str(tmp_path / "store"), "STARTS": str(tmp_path / "starts")}
    environment = os.environ | named | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}
    runs = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(8)]
    ended = [run.wait(timeout=500) for run in runs]
    assert (tmp_path / "starts").read_text() == "count\n"
    assert sorted(one.kind for one in Store(tmp_path / "store").manifests()) == ["count", "double"]
    figure("eight identical runs at once", tried=8, held=ended.count(0), how="each stage built once, all ended well")
