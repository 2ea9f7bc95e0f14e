"""Pruning: what a report was made from stays, and so does all that is new or in use."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.runtime.store import in_use, remarks
from tasks.runtime.store.prune import DAY, leftovers, remove
from tasks.runtime.store.store import Artifact, Manifest, Store, StoreError

KEYS = {name: f"{number:032x}" for number, name in enumerate(("corpus", "model", "report", "orphan", "agent"), 1)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """corpus → model → report; an orphan made from the corpus; an agent. All are ten days old."""
    made = Store(tmp_path / "store")
    lineage = {"corpus": [], "model": ["corpus"], "report": ["model"], "orphan": ["corpus"], "agent": []}
    for name, inputs in lineage.items():
        folder = made.partial(KEYS[name])
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x" * 100)
        given = {one: Artifact(kind=one, key=KEYS[one], digest="d") for one in inputs}
        with made.lock(KEYS[name]):
            made.publish(Manifest(kind=name, key=KEYS[name], inputs=given))
        age(made.path(KEYS[name]), 10)
    return made


def age(folder: Path, days: float) -> None:
    for path in (*folder.rglob("*"), folder):
        then = path.stat().st_mtime - days * DAY
        os.utime(path, (then, then))


def kinds(store: Store, **asked: object) -> list[str]:
    return [one.kind for one in leftovers(store, {"report"}, **({"days": 7} | asked))]  # type: ignore[arg-type]


def test_what_a_report_was_made_from_stays_and_the_rest_goes(store: Store) -> None:
    unwanted = leftovers(store, {"report"}, days=7)
    assert sorted(one.kind for one in unwanted) == ["agent", "orphan"]
    assert remove(store, unwanted) == unwanted
    assert {one.kind for one in store.manifests()} == {"corpus", "model", "report"}
    assert all(store.verify(one.key) is None for one in store.manifests())
    assert list((store.root / "broken").glob("*")) == []


def test_what_is_new_or_named_stays(store: Store) -> None:
    assert kinds(store, days=11) == []
    assert kinds(store, keep=[KEYS["agent"]]) == ["orphan"]


def test_what_is_pinned_stays_with_all_that_it_was_made_from_also_if_pinned_after_it_was_listed(store: Store) -> None:
    remarks.pin(store.root, KEYS["orphan"])
    unwanted = leftovers(store, (), days=7)
    assert sorted(one.kind for one in unwanted) == ["agent", "model", "report"]
    remarks.pin(store.root, KEYS["model"])
    assert sorted(one.kind for one in remove(store, unwanted)) == ["agent", "report"]
    remarks.unpin(store.root, KEYS["orphan"])
    assert kinds(store) == ["orphan"], "the corpus is the model's too"


def test_a_pin_that_a_power_cut_emptied_still_pins(store: Store) -> None:
    remarks.pin(store.root, KEYS["orphan"])
    (store.root / "pins" / f"{KEYS['orphan']}.json").write_bytes(b"")
    assert kinds(store) == ["agent"]


def test_links_to_files_that_lie_elsewhere_free_nothing(store: Store, tmp_path: Path) -> None:
    os.link(store.path(KEYS["agent"]) / "file", tmp_path / "mine")
    agent, orphan = sorted(leftovers(store, {"report"}, 7), key=lambda one: one.kind)
    assert agent.bytes - agent.frees == 100 and orphan.bytes == orphan.frees


def test_work_that_nobody_goes_on_with_and_what_was_set_aside_go_too(store: Store) -> None:
    for folder in (store.partial("a" * 32), store.root / "broken" / ("b" * 32 + ".17")):
        folder.mkdir(parents=True)
        (folder / "half").write_text("half")
        assert kinds(store, keep=[KEYS["agent"], KEYS["orphan"]]) == []
        age(folder, 8)
        (unwanted,) = leftovers(store, {"report"}, 7, keep=[KEYS["agent"], KEYS["orphan"]])
        assert (unwanted.folder, unwanted.bytes) == (folder, 4)
        remove(store, [unwanted])
        assert not folder.exists()


def test_what_is_being_built_stays_also_where_it_was_listed_before(store: Store) -> None:
    unwanted = leftovers(store, {"report"}, days=7)
    with store.lock(KEYS["orphan"]):
        assert kinds(store) == ["agent"]
        assert [one.kind for one in remove(store, unwanted)] == ["agent"]
    assert store.find(KEYS["orphan"])


@pytest.fixture
def user(store: Store) -> Iterator[subprocess.Popen[str]]:
    """Another process that has looked something up in the store."""
    code = f"from pathlib import Path\nfrom tasks.runtime.store import in_use\nin_use.hold(Path({str(store.root)!r}))\n"
    process = subprocess.Popen(
        [sys.executable, "-c", code + "print('held', flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait(30)


def test_nothing_is_removed_while_a_process_uses_the_store_and_a_killed_one_uses_nothing(
    store: Store, user: subprocess.Popen[str]
) -> None:
    unwanted = leftovers(store, {"report"}, days=7)
    with pytest.raises(StoreError, match="a run or a command is using"):
        remove(store, unwanted)
    assert len(list(store.manifests())) == len(KEYS)
    user.kill()
    user.wait(30)
    assert remove(store, unwanted) == unwanted


def test_a_run_that_starts_meanwhile_waits(store: Store) -> None:
    with in_use.alone(store.root):
        other = os.open(store.root / "locks" / ".in-use", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(other)


def test_nothing_is_offered_while_a_manifest_cannot_be_read(store: Store) -> None:
    (store.path(KEYS["report"]) / "manifest.json").write_bytes(b"")
    with pytest.raises(StoreError, match=rf"what they need is not known; first: .*{KEYS['report']}"):
        leftovers(store, {"report"}, days=7)
