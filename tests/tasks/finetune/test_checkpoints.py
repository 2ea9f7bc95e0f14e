"""When checkpoints are written, and which of them are left."""

from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.sft


def _checkpoint(trainer: Path, step: int, whole: bool) -> Path:
    folder = trainer / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "optimizer.pt").write_text("state")
    if whole:
        (folder / "whole").touch()
    return folder


def _left(trainer: Path) -> list[str]:
    return sorted(path.name for path in trainer.glob("checkpoint-*"))


def test_a_checkpoint_is_removed_once_the_next_one_is_whole(tmp_path: Path) -> None:
    from tasks.finetune.checkpoints import ByTime

    _checkpoint(tmp_path, 5, whole=True)
    new = _checkpoint(tmp_path, 10, whole=False)
    args, state = SimpleNamespace(output_dir=tmp_path), SimpleNamespace(is_world_process_zero=True, global_step=10)
    ByTime(1).on_save(args, state, None)
    assert _left(tmp_path) == ["checkpoint-10"] and (new / "whole").exists()


def test_what_a_kill_leaves_is_the_newest_whole_checkpoint(tmp_path: Path) -> None:
    from tasks.finetune.checkpoints import drop_unfinished

    _checkpoint(tmp_path, 5, whole=True)
    _checkpoint(tmp_path, 10, whole=False)  # killed while it was written
    drop_unfinished(tmp_path)
    assert _left(tmp_path) == ["checkpoint-5"]
    _checkpoint(tmp_path, 100, whole=True)  # killed before the one before was removed
    drop_unfinished(tmp_path)
    assert _left(tmp_path) == ["checkpoint-100"]


def test_a_checkpoint_is_due_by_the_clock_and_takes_a_twentieth_of_the_time_at_most(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tasks.finetune import checkpoints

    clock = [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: clock[0])
    by_time = checkpoints.ByTime(minutes=1)
    args = SimpleNamespace(output_dir=tmp_path, device="cpu")
    saved = []
    for step in range(1, 301):
        clock[0] += 5
        state = SimpleNamespace(is_world_process_zero=True, global_step=step, max_steps=300)
        control = SimpleNamespace(should_save=False)
        by_time.on_step_end(args, state, control)
        if control.should_save:
            _checkpoint(tmp_path, step, whole=False)
            clock[0] += 1 if step < 100 else 10  # the disk is slow from then on
            by_time.on_save(args, state, control)
            saved.append(step)
    assert saved[:3] == [12, 24, 36]  # every minute
    assert saved[-2] - saved[-3] == 40  # ten seconds to write: every two hundred


def test_a_checkpoint_is_only_written_where_an_older_policy_is_not_needed() -> None:
    from tasks.finetune.checkpoints import ByTime

    by_time, asked = ByTime(minutes=0, every=4), []
    for step in range(1, 13):
        control = SimpleNamespace(should_save=False)
        by_time.on_step_end(SimpleNamespace(device="cpu"), SimpleNamespace(global_step=step, max_steps=12), control)
        asked += [step] * control.should_save
    assert asked == [4, 8]
