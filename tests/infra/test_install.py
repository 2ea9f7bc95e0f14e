"""What the set-up says before it installs gigabytes."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT

OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {}.65.06  Release Build\nGCC version: 12.3\n"
CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}.104.05  Sat Aug 19 01:15:15 UTC 2023\n"


@pytest.fixture
def install() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", ROOT / "infra" / "environments" / "install.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("text", [OPEN, CLOSED])
def test_a_driver_older_than_the_locks_is_told(
    install: ModuleType, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version = tmp_path / "version"
    version.write_text(text.format(535))
    install.tell_old_driver(version)
    assert "NVIDIA's driver is 535, and these builds of CUDA 13 need 580 or newer" in capsys.readouterr().out
    version.write_text(text.format(580))
    install.tell_old_driver(version)
    install.tell_old_driver(tmp_path / "none")
    assert capsys.readouterr().out == ""


def test_the_driver_is_that_of_the_cuda_in_the_locks(install: ModuleType) -> None:
    locks = sorted((ROOT / "infra" / "environments").glob("*.cuda.txt"))
    pinned = [
        line for lock in locks for line in lock.read_text().splitlines() if line.startswith("nvidia-cuda-runtime==")
    ]
    assert len(pinned) == len(locks) == 3
    assert {line.partition("==")[2].split(".")[0] for line in pinned} == {"13"}, "another CUDA needs another driver"


def test_no_lock_holds_what_is_built_by_cudas_compiler() -> None:
    for lock in (ROOT / "infra" / "environments").glob("*.cuda.txt"):
        assert "flash-attn==" not in lock.read_text(), f"{lock.name}: docs/verl.md says why"
