"""Which device engines compute on, and which GPUs they may see."""

from pathlib import Path

import pytest

from tasks.runtime.settings import Settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("DEVICE", "GPUS"):
        monkeypatch.delenv(f"REWRITING_AGENT_{name}", raising=False)
    monkeypatch.setenv("REWRITING_AGENT_ENVIRONMENTS", str(tmp_path))
    return tmp_path


def test_engines_compute_on_what_they_were_installed_for(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Settings().cuda()
    (bare / "device").write_text("cuda\n")
    assert Settings().cuda()
    monkeypatch.setenv("REWRITING_AGENT_DEVICE", "cpu")
    assert not Settings().cuda()


def test_engines_on_cores_leave_a_tenth_of_the_memory_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REWRITING_AGENT_MEMORY", raising=False)
    machine = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert 1 <= Settings().gib() <= 0.9 * machine / 2**30
    monkeypatch.setenv("REWRITING_AGENT_MEMORY", "12")
    assert Settings().gib() == 12


def test_only_the_gpus_that_the_caller_was_given_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 5,GPU-8932f937")
    assert Settings().gpu_names() == ["4", "5", "GPU-8932f937"]
    monkeypatch.setenv("REWRITING_AGENT_GPUS", "2")
    assert Settings().gpu_names() == ["4", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert Settings().gpu_names() == []
