"""What a machine lacks is said before a run begins, not when the stage that needs it starts."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.experiment import load_experiment
from flows.pipeline import pipeline
from flows.plan.here import lacking
from flows.plan.start import walk_through
from tasks.runtime.placement.placement import Place
from tasks.runtime.settings import settings


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty store, and a folder of environments that holds `core` and `inference` alone."""
    for name in ("core", "inference"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python").touch()
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "not" / "there"))
    monkeypatch.setenv("REWRITING_AGENT_ENVIRONMENTS", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def said(method: str, backbone: str = "nano", placement: Any = None, **changes: Any) -> list[str]:
    experiment = load_experiment(backbone, {name.replace("__", "."): value for name, value in changes.items()})
    walk = walk_through(pipeline.fn, {"method": method, "experiment": experiment})  # pools are asked where it is placed
    return lacking(walk, [experiment.model_copy(update={"placement": placement or {}})])


def test_environments_that_are_not_installed(machine: Path) -> None:
    assert said("sft") == ["finetune needs the environment 'sft': run `make setup-sft`"]
    assert set(said("rewriting_agent", train_agent__engine="verl")) == {
        "finetune needs the environment 'sft': run `make setup-sft`",
        "train_agent needs the environment 'verl': run `make setup-verl`",
    }
    assert said("sft", placement={"finetune": Place(pool="gpu")}) == [], "the pool's machines have their own"


def test_a_disk_without_room_for_models_and_checkpoints(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Mistral-7B 29 GB each for two models (SFT is always run), and twice 101 GB of checkpoints."""
    free = 200e9
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1e12, 1e12 - free, free))
    found = said("sdft", "Mistral-7B-Instruct-v0.3")
    (room,) = (one for one in found if "free" in one)
    assert room.startswith("2 models take 58 GB, checkpoints beside 203, and ")
    assert f"{machine} has 200 GB free: REWRITING_AGENT_STORE=FOLDER" in room
    free = 300e9
    assert not [one for one in said("sdft", "Mistral-7B-Instruct-v0.3") if "free" in one]
