"""A run's progress: artifacts weighed by what was planned for each, told apart by key where titles repeat."""

import logging
from pathlib import Path

import pytest

from infra.dashboard.under_way import held_locks, under_way
from tasks.runtime.progress.run_progress import FOLDER, Planned, RunProgress


def progress(root: Path, planned: list[Planned], cached: set[str] | None = None, run_id: str = "r") -> RunProgress:
    return RunProgress("study", planned, cached or set(), root, run_id, logging.getLogger("run"))


def test_work_is_weighed_by_its_planned_seconds(tmp_path: Path) -> None:
    run = progress(tmp_path, [Planned(("agent",), "a", 90.0), Planned(("verify",), "v", 10.0)])
    assert run.share == 0.0 and run.left is None
    run.ended("verify", {"v": "k1"})
    assert run.share == pytest.approx(0.1)
    run.reached("agent", 0.5)
    assert run.share == pytest.approx(0.55) and run.left is not None


def test_two_artifacts_under_one_title_and_one_under_two(tmp_path: Path) -> None:
    """Two rates share titles; the targets of SFT and of DFT are one artifact."""
    run = progress(tmp_path, [Planned(("sft", "dft"), "it", 1.0), Planned(("sft", "dft"), "it", 1.0)])
    run.ended("sft", {"it": "at 1e-4"})
    run.ended("dft", {"it": "at 1e-4"})
    assert run.share == 0.5
    run.ended("dft", {"it": "at 2e-4"})
    assert run.share == 1.0


def test_what_was_there_before_counts_for_nothing(tmp_path: Path) -> None:
    run = progress(tmp_path, [Planned(("sft",), "it", 1.0)], {"at 1e-4"})
    run.ended("sft", {"it": "at 1e-4"})
    run.ended("never planned", {"it": "other"})
    assert run.share == 0.0


def test_a_batch_counts_each_of_its_parts(tmp_path: Path) -> None:
    run = progress(tmp_path, [Planned(("evaluate",), part, 1.0) for part in ("facts", "words")])
    run.reached("evaluate", 0.5)
    assert run.share == 0.5
    run.ended("evaluate", {"facts": "f", "words": "w"})
    assert run.share == 1.0


def test_live_shows_runs_that_live_and_no_dead_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    dead = tmp_path / FOLDER / "dead.jsonl"
    dead.parent.mkdir()
    dead.write_text('{"run": "dead", "began": 1.0}\n')
    assert under_way(tmp_path, held_locks()) == []
    run = progress(tmp_path, [Planned(("a",), "a", 1.0), Planned(("b",), "b", 3.0)])
    other = progress(tmp_path, [Planned(("a",), "a", 1.0)], run_id="other")
    assert not dead.exists()
    shown = [(one["run"], one["done"], one["total"]) for one in under_way(tmp_path, held_locks())]
    assert shown == [("study", 0, 2), ("study", 0, 1)]
    run.ended("b", {"b": "k"})
    run.ended("a", {"a": "k2"})
    other.ended("a", {"a": "k"})
    assert caplog.messages == [f"{n} of {n} artifacts, 100 % of the planned work" for n in (2, 1)]
    assert under_way(tmp_path, held_locks()) == [] and list(dead.parent.iterdir()) == []
