"""What is being built tells of itself beside the work; what works, what failed and what was stopped are told apart."""

import json
from pathlib import Path

import pytest

from infra.dashboard.live import attempts, waiting
from infra.dashboard.site import Site
from infra.dashboard.under_way import held_locks
from tasks.runtime import attempt
from tasks.runtime.progress.progress import report
from tasks.runtime.store.store import Artifact, Manifest, Store

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "artifacts").mkdir()
    store = Store(tmp_path)
    store.partial(KEY).mkdir(parents=True)
    return store


def manifest() -> Manifest:
    run = {"task_run": "train_agent seed 3 (rewriting_agent/3)", "flow_run": "mine"}
    return Manifest(kind="train_agent", key=KEY, inputs={"rows": Artifact(kind="split", key="a", digest="b")}, run=run)


def test_a_running_stage_shows_progress_curves_rates_and_texts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "EVERY", 0.0)
    out = store.partial(KEY)
    with store.lock(KEY), attempt.told({"it": out}, {"it": manifest()}):
        for step in range(1, 4):
            row = {"step": step, "pass_rate": step / 4, "tokens_per_second": 100.0 * step}
            with (out / "steps.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
            report(step, 10, "steps", reward=float(step))
        (out / "samples.jsonl").write_text('{"id": "made_up/1", "rewrite": "newest", "passed": true}\n{"id": "half')
        [found] = attempts(Site(store.root), held_locks())
        assert (found.state, found.name, found.done, found.total) == (
            "running",
            "train_agent/rewriting_agent-seed3/01234567",
            3,
            10,
        )
        assert found.values == {"reward": 3.0} and found.tokens_per_second == 300.0 and found.left is not None
        assert [title for title, _ in found.curves] == ["pass rate of rewrites"]
        assert found.texts == [("made_up/1", "newest", True)]


def test_failed_stopped_and_waiting_are_told_apart(store: Store) -> None:
    out = store.partial(KEY)
    with pytest.raises(ValueError, match="no memory"), attempt.told({"it": out}, {"it": manifest()}):
        raise ValueError("no memory")
    [failed] = attempts(Site(store.root), held_locks())
    assert failed.state == "failed" and failed.error == "ValueError: no memory"
    with attempt.told({"it": out}, {"it": manifest()}):
        pass  # ended without an error, not published: as after a kill
    [stopped] = attempts(Site(store.root), held_locks())
    assert stopped.state == "stopped"
    other = "f" * 32
    store.partial(other).mkdir()
    assert waiting(store.root, held_locks()) == 0
    with store.lock(other):
        assert waiting(store.root, held_locks()) == 1


def test_notes_are_no_part_of_what_is_published(store: Store) -> None:
    out = store.partial(KEY)
    with store.lock(KEY):
        with attempt.told({"it": out}, {"it": manifest()}):
            (out / "rows.jsonl").write_text("{}\n")
            report(1, 1)
        made = store.publish(manifest())
        assert [file.path for file in store.manifest(KEY).files] == ["rows.jsonl"]
        assert sorted(path.name for path in store.path(KEY).iterdir()) == ["manifest.json", "rows.jsonl"]
        assert store.find(KEY) == made and attempts(Site(store.root), held_locks()) == []


def test_what_one_stage_run_makes_in_one_go_is_one_entry(store: Store) -> None:
    outs, manifests = {}, {}
    for part in ("facts", "words"):
        key = part.ljust(32, "0")
        outs[part] = store.partial(key)
        outs[part].mkdir()
        run = {"task_run": "evaluate (sft/0)", "flow_run": "mine"}
        manifests[part] = Manifest(kind="evaluate", key=key, config={"name": part}, run=run)
    with attempt.told(outs, manifests):
        [found] = attempts(Site(store.root), held_locks())
        assert len(found.more) == 1
