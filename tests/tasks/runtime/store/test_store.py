"""The store holds whole artifacts or nothing, whatever happens while one is published."""

import errno
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tasks.runtime.store.store import Manifest, Store, StoreError
from tests.conftest import ROOT

KEY = "0123456789abcdef0123456789abcdef"

PUBLISH = """
import os, signal, sys
from pathlib import Path
from tasks.runtime.store.store import Manifest, Store
store, fatal = Store(Path(sys.argv[1])), int(sys.argv[2])
with store.lock("KEY"):
    count = 0
    def kill_before(event, _):
        global count
        if event in ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.scandir", "os.listdir"):
            count += 1
            if count == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(kill_before)
    store.publish(Manifest(kind="test", key="KEY"))
""".replace("KEY", KEY)


def fill(folder: Path) -> None:
    (folder / "below").mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text('{"id": "a"}\n')
    (folder / "below" / "weights").write_bytes(bytes(range(256)) * 40)
    (folder / "scratch").mkdir(exist_ok=True)
    (folder / "scratch" / "checkpoint").write_text("not published")


def publish(root: Path, key: str = KEY) -> Store:
    store = Store(root)
    fill(store.partial(key))
    with store.lock(key):
        store.publish(Manifest(kind="test", key=key))
    return store


def test_an_artifact_is_found_whole_and_without_its_scratch(tmp_path: Path) -> None:
    store = publish(tmp_path)
    found = store.find(KEY)
    assert found is not None
    assert found.kind == "test"
    assert {entry.path for entry in store.manifest(KEY).files} == {"rows.jsonl", "below/weights"}
    assert not (store.path(KEY) / "scratch").exists()
    assert not store.partial(KEY).exists()


def test_the_digest_says_what_the_files_hold_not_where_or_when(tmp_path: Path) -> None:
    first, second = publish(tmp_path / "a"), publish(tmp_path / "b")
    assert first.manifest(KEY).digest == second.manifest(KEY).digest


def test_kill_before_any_file_operation_of_publish_leaves_resumable_work_or_a_whole_artifact(tmp_path: Path) -> None:
    expected = publish(tmp_path / "undisturbed").manifest(KEY).digest
    outcomes = set()
    for fatal in range(1, 200):
        root = tmp_path / str(fatal)
        store = Store(root)
        fill(store.partial(KEY))
        done = subprocess.run([sys.executable, "-c", PUBLISH, str(root), str(fatal)], cwd=ROOT)
        with store.lock(KEY):
            found = store.find(KEY)
            outcomes.add((done.returncode, found is not None))
            if found is None:
                assert (store.partial(KEY) / "rows.jsonl").exists(), "the work is still there to be resumed"
                fill(store.partial(KEY))
                found = store.publish(Manifest(kind="test", key=KEY))
        assert found.digest == expected
        assert store.verify(KEY) is None
        if done.returncode == 0:
            break
    assert outcomes == {(-9, False), (-9, True), (0, True)}


@pytest.mark.parametrize("how", ["deleted", "truncated", "bit flipped", "added", "manifest cut", "manifest gone"])
def test_a_damaged_artifact_is_a_miss_and_is_set_aside(tmp_path: Path, how: str) -> None:
    store = publish(tmp_path)
    weights = store.path(KEY) / "below" / "weights"
    content = bytearray(weights.read_bytes())
    if how == "deleted":
        weights.unlink()
    elif how == "truncated":
        weights.write_bytes(content[:-1])
    elif how == "bit flipped":
        content[1234] ^= 4
        weights.write_bytes(content)
    elif how == "added":
        (store.path(KEY) / "extra").touch()
    elif how == "manifest cut":
        manifest = store.path(KEY) / "manifest.json"
        manifest.write_text(manifest.read_text()[:100])
    else:
        (store.path(KEY) / "manifest.json").unlink()
    assert store.verify(KEY) is not None
    assert store.find(KEY) is None
    assert len(list((tmp_path / "broken").iterdir())) == 1
    publish(tmp_path)
    assert store.find(KEY) is not None


@pytest.mark.parametrize("name", [".DS_Store", ".nfs000000001", "._rows.jsonl", "below/Thumbs.db"])
def test_what_file_managers_leave_in_an_artifact_does_not_damage_it(tmp_path: Path, name: str) -> None:
    store = publish(tmp_path)
    (store.path(KEY) / name).write_bytes(b"left by another program")
    assert store.verify(KEY) is None and store.find(KEY) is not None


@pytest.mark.parametrize("left", [b"", b'{"kind": "test", "ke'])
def test_one_manifest_that_cannot_be_read_hides_no_other(tmp_path: Path, left: bytes) -> None:
    store = publish(tmp_path)
    publish(tmp_path, other := "ef" * 16)
    (store.path(KEY) / "manifest.json").write_bytes(left)
    assert [one.key for one in store.manifests()] == [other]
    assert store.unreadable() == [store.path(KEY) / "manifest.json"]


def test_a_disk_that_fails_is_no_damage_to_the_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = publish(tmp_path)

    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error", str(path))

    with monkeypatch.context() as failing:
        failing.setattr(Path, "read_bytes", fail)
        with pytest.raises(OSError, match="Input/output"):
            store.find(KEY)
    assert store.find(KEY) is not None


def test_a_moved_store_hits(tmp_path: Path) -> None:
    publish(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there", copy_function=shutil.copyfile)
    assert Store(tmp_path / "there").find(KEY) is not None


def test_an_unknown_key_is_an_error_that_names_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=str(tmp_path)):
        Store(tmp_path).manifest(KEY)


def test_a_lock_is_held_by_one_and_freed_by_a_killed_holder(tmp_path: Path) -> None:
    hold = "import sys,time\nfrom pathlib import Path\nfrom tasks.runtime.store.store import Store\n"
    hold += f"with Store(Path(sys.argv[1])).lock('{KEY}'):\n  print('held', flush=True)\n  time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        waited: list[float] = []
        threading.Timer(0.5, holder.kill).start()
        started = time.monotonic()
        with Store(tmp_path).lock(KEY, waited.append):
            assert waited, "the lock was taken while another process held it"
            assert time.monotonic() - started >= 0.4
