"""What is made already is shown without a server; what is not, is left to the run."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.finished import finished
from flows.pipeline import pipeline
from flows.plan.checks import CannotWork
from tasks.report.frontier.measured import Measured, Run, write
from tasks.runtime.settings import settings
from tasks.runtime.store.store import Artifact
from tests.conftest import ROOT
from tests.flows.small import SMALL, small_experiment

Small = tuple[Path, Artifact]


@pytest.fixture
def home(small_run: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the store in which the small run is whole."""
    copied = shutil.copytree(small_run[0], tmp_path / "store")
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(copied))
    settings.cache_clear()
    yield copied
    settings.cache_clear()


def test_a_run_that_is_made_is_its_report(home: Path, small_run: Small) -> None:
    assert finished(pipeline, {"experiment": small_experiment()}) == [small_run[1]]


def test_what_is_still_to_be_made_is_left_to_the_run(home: Path, small_run: Small) -> None:
    asked = {"experiment": small_experiment()}
    assert finished(pipeline, asked | {"seeds": [1]}) is None
    assert finished(pipeline, asked | {"seeds": "next"}) is None
    shutil.rmtree(home / "artifacts" / small_run[1].key)
    assert finished(pipeline, asked) is None


def test_a_damaged_report_is_left_to_the_run(home: Path, small_run: Small) -> None:
    page = home / "artifacts" / small_run[1].key / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace("report", "retort", 1), encoding="utf-8")
    assert finished(pipeline, {"experiment": small_experiment()}) is None


def test_what_cannot_work_is_refused_before_a_server_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path))
    monkeypatch.setenv("REWRITING_AGENT_MEMORY", "8")
    settings.cache_clear()
    with pytest.raises(CannotWork, match=r"finetune takes [0-9]+ GiB of memory and engines have 8 here"):
        finished(pipeline, {"method": "sft", "backbone": "Mistral-7B-Instruct-v0.3"})
    settings.cache_clear()


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, with a folder of Prefect's own beside the store and no server that it could use."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    environment |= {"PREFECT_HOME": str(home.parent / "prefect"), "REWRITING_AGENT_STORE": str(home), "COLUMNS": "300"}
    return subprocess.run(
        [sys.executable, "-m", "flows", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )


def test_the_command_shows_it_without_a_server(home: Path, small_run: Small) -> None:
    changes = [part for name, value in SMALL.items() for part in ("--set", f"{name}={value}")]
    started = time.monotonic()
    done = command(home, "run", "--backbone", "nano", *changes)
    assert done.returncode == 0, done.stderr
    assert "everything is in the store: nothing was run" in done.stdout
    assert small_run[1].key in done.stdout
    assert not (home.parent / "prefect" / "temporary-server.log").exists(), f"{time.monotonic() - started:.0f} s"


def test_what_the_plan_refuses_is_said_without_a_server(tmp_path: Path) -> None:
    write("other", Measured(Run({}), {8e-4: {}, 1.2e-3: {}}), tmp_path / "theirs.parquet")
    measured = ("--measured", str(tmp_path / "theirs.parquet"))
    done = command(tmp_path / "store", "study", "--backbone", "nano", "--rates", "8e-4", *measured)
    assert done.returncode == 2 and "is of other, and nano is studied" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "prefect" / "temporary-server.log").exists()
