"""What every test may use. Imports nothing that an environment might lack."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.runtime import bytecode

if TYPE_CHECKING:
    from tasks.runtime.store.store import Artifact

bytecode.kept()  # by hundreds of processes

ROOT = Path(__file__).resolve().parent.parent

if find_spec("hypothesis"):
    from hypothesis import HealthCheck, settings

    # Machines are shared: how long an example takes says nothing of what is tested.
    settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("shared")


# The environment that this interpreter is; what a test file imports, only its own environment has.
KNOWN_BY = {"verl": "verl", "vllm": "inference", "llamafactory": "sft"}
ENVIRONMENT = next((name for package, name in KNOWN_BY.items() if find_spec(package)), "core")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Outside core, collect only files whose tests are marked for this environment, and the folders that hold one."""
    if ENVIRONMENT == "core":
        return None
    if collection_path.is_dir():
        return None if any(map(_is_of_this_environment, collection_path.rglob("test_*.py"))) else True
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    return None if _is_of_this_environment(collection_path) else True


def _is_of_this_environment(path: Path) -> bool:
    return f"mark.{ENVIRONMENT}" in path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real benchmarks and corpora, where the machine has them."""
    folder = os.environ.get("REWRITING_AGENT_DATA")
    if not folder:
        pytest.skip("REWRITING_AGENT_DATA does not name the folder of real benchmarks and corpora")
    return Path(folder)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a test that has a store of its own, and a file in which the stages for tests count their starts."""
    from tasks.runtime.settings import settings

    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("STARTS", str(tmp_path / "starts"))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A real Prefect server with a database of its own, one a session: flows of this process run against it."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=300):
        yield


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, prefect_server: None) -> "tuple[Path, Artifact]":
    """The store and the report of one run of the rewriting agent on a handful of rows, every engine for real."""
    from flows.pipeline import pipeline
    from tasks.runtime.settings import settings
    from tests.flows.small import small_experiment

    store = tmp_path_factory.mktemp("small") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REWRITING_AGENT_STORE", str(store))
        settings.cache_clear()
        report = pipeline(experiment=small_experiment())
    settings.cache_clear()
    return store, report
