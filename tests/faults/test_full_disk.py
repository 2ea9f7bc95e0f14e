"""A disk that fills up at every point of a stage: the file is named, what to do is said, nothing half-written counts.

A small tmpfs where one may be mounted (a root user), else the test is skipped: a limit on a file's size is another
error, which no disk gives.
"""

import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.rows.jsonl import read_rows, write_rows
from tasks.runtime import attempt
from tasks.runtime.files import full_disk
from tasks.runtime.files.full_disk import DiskFull
from tasks.runtime.progress.progress import report
from tasks.runtime.store.store import Manifest, Store
from tests.faults.conftest import Figure, Times
from tests.tasks.runtime.engines.test_supervisor import Behaviour, fake_environment

__all__ = ["fake_environment"]

KEY = "0123456789abcdef0123456789abcdef"
PAGE = 4096
ROWS = [{"id": f"n/{n:03}", "question": "What is 1 + 1?" * 20} for n in range(60)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path, free: int) -> None:
    """Leave so many pages free."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(PAGE))
        except OSError as error:
            assert error.errno == errno.ENOSPC
        file.truncate(max(0, file.tell() - free * PAGE))


def build(store: Store) -> None:
    """What `@stage` does around a function that writes rows and a small file."""
    with full_disk.explained(store.root), store.lock(KEY):
        out = store.partial(KEY)
        out.mkdir(parents=True, exist_ok=True)
        manifest = Manifest(kind="test", key=KEY)
        with attempt.told({"test": out}, {"test": manifest}):
            write_rows(out / "rows.jsonl", ROWS)
            report(1, 2, "rows")
            (out / "model.bin").write_bytes(bytes(5 * PAGE))
            report(2, 2, "rows")
        store.publish(manifest)


def test_a_disk_that_is_full_at_every_page_of_a_stage(disk: Path, figure: Figure, times: Times) -> None:
    tried, held, files, free = 0, 0, set(), 0
    step = times(3, 1)
    while True:
        store = Store(disk / f"store{free}")
        fill(disk, free)
        try:
            build(store)
        except DiskFull as error:
            tried += 1
            files.add(Path(error.filename).name)
            told = str(disk) in str(error) and "store prune" in str(error) and error.errno == errno.ENOSPC
            none = not store.manifests() and not store.path(KEY).exists()
            fill(disk, 40)
            build(store)  # what was begun goes on
            held += told and none and store.verify(KEY) is None
            assert list(read_rows(store.path(KEY) / "rows.jsonl")) == ROWS
        else:
            assert store.verify(KEY) is None
            break
        subprocess.run(["rm", "-rf", str(store.root)], check=True)
        free += step
    assert "rows.jsonl" in files and len(files) >= 3, files
    how = f"tmpfs, page by page: DiskFull names {len(files)} files and what to do; nothing published, then resumed"
    figure("disk full at every page that a stage writes", tried=tried, held=held, how=how)


def test_an_engine_that_fills_the_disk_says_what_to_do(fake_environment: Path) -> None:
    from tasks.runtime.engines import engine

    out = fake_environment / "out"
    out.mkdir()
    said = "OSError: [Errno 28] No space left on device: 'model.safetensors'"
    spec = Behaviour(say=said, status=1, mark=str(fake_environment))
    with pytest.raises(engine.EngineError, match="store prune") as raised:
        engine.run("core", "probe_engine", spec, out)
    assert "model.safetensors" in str(raised.value)
