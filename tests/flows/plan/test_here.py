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


def test_a_disk_without_room_for_models_checkpoints_and_corpora(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Mistral-7B 29 GB each for two models (SFT is always run), twice 101 GB of checkpoints; both corpora."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(machine / "hub"))
    free = 300e9
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1e12, 1e12 - free, free))
    found = said("sdft", "Mistral-7B-Instruct-v0.3")
    (room,) = (one for one in found if "free" in one)
    assert room.startswith(
        "this run takes 367 GB (2 models 58 GB, checkpoints 203 GB, corpora 73 GB, their download 32 GB), and "
    )
    assert f"{machine} has 300 GB free: REWRITING_AGENT_STORE=FOLDER" in room
    free = 370e9
    assert not [one for one in said("sdft", "Mistral-7B-Instruct-v0.3") if "free" in one]
    blobs = machine / "hub" / "datasets--nvidia--OpenMathReasoning" / "blobs"
    blobs.mkdir(parents=True)
    with (blobs / "cot").open("wb") as there:
        there.truncate(31 * 10**9)  # sparse
    free = 340e9
    assert not [one for one in said("sdft", "Mistral-7B-Instruct-v0.3") if "free" in one], "what is there takes no more"


def test_a_download_without_room_on_a_disk_of_its_own(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == machine.stat().st_dev:
        pytest.skip("no second file system here")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(shm))
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1e12, 0, 20e9 if Path(path) == shm else 1e12)
    )
    (room,) = (one for one in said("sdft", "Mistral-7B-Instruct-v0.3") if "free" in one)
    assert room == "the corpora's download takes 32 GB, and /dev/shm has 20 GB free: HF_HOME=FOLDER on a larger disk"
