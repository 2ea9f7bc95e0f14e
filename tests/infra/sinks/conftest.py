"""A store of made-up runs, and its newest report. Imports lie in the fixtures: every environment reads this file."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tasks.runtime.store.store import Manifest, Store

CHANGED = {"sample.rows": 60, "finetune.learning_rate": 8e-4}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The store's folder, and keys of its artifacts by name; read only."""
    from benchmarks._store import make_store

    root = tmp_path_factory.mktemp("sinks") / "store"
    return root, make_store(root, runs=8, changed=CHANGED)


@pytest.fixture
def home(made: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Iterator[Store]":
    """The store, with no sink on; W&B writes files only, and into this test's folder."""
    from tasks.runtime.settings import settings
    from tasks.runtime.sinks import openlineage_sink, sinks
    from tasks.runtime.store.store import Store

    for name in sinks.PACKAGES:
        monkeypatch.delenv(sinks.variable(name), raising=False)
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(made[0]))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "wandb"))
    settings.cache_clear()
    sinks._failures.clear()
    openlineage_sink.client.cache_clear()
    yield Store(made[0])
    settings.cache_clear()


@pytest.fixture
def report(home: "Store", made: tuple[Path, dict[str, str]]) -> "Manifest":
    """The report of the rewriting agent's first seed."""
    return home.manifest(made[1]["report:rewriting_agent/0"])
