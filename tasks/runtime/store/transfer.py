"""An artifact's files, to and from an object store: several at once, verified, with progress.

A large file is sent in parts; that, and going on after a passing fault, is the library's work.
"""

import os
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from fsspec import AbstractFileSystem, Callback

from tasks.runtime import stopping
from tasks.runtime.files.digest import digest_file
from tasks.runtime.progress.progress import report
from tasks.runtime.store.manifest import FileEntry

AT_ONCE = 8  # files
MIB = 2**20


class Damaged(ValueError):
    """A shared artifact is not what its manifest says."""


class Moved(Callback):
    """Counts the bytes moved; breaks a transfer off when the run is being ended."""

    def relative_update(self, inc: int = 1) -> None:
        stopping.check()
        self.value += inc


def upload(files: AbstractFileSystem, folder: Path, below: str, entries: list[FileEntry]) -> None:
    """Write the files of `folder` as objects below `below`, but for those that a killed upload has left there.

    (An object is there whole or not at all, also one that is sent in parts.)
    """
    there = {path: info["size"] for path, info in files.find(below, detail=True).items()}
    missing = [entry for entry in entries if there.get(f"{below}/{entry.path}") != entry.bytes]

    def put(entry: FileEntry, moved: Callback) -> None:
        files.put_file(str(folder / entry.path), f"{below}/{entry.path}", callback=moved)

    _move(put, missing, "uploaded")


def fetch(files: AbstractFileSystem, below: str, folder: Path, entries: list[FileEntry]) -> None:
    """Write the objects below `below` as files of `folder`, but for those that a killed fetch has left there.

    Raises:
        Damaged: one is missing or, fetched twice, is not what its entry says.
    """
    there = set(files.find(below))
    if gone := [entry.path for entry in entries if f"{below}/{entry.path}" not in there]:
        raise Damaged(f"files {gone} are missing")
    folder.mkdir(parents=True, exist_ok=True)

    def get(entry: FileEntry, moved: Callback) -> None:
        path = folder / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(3):
            if attempt:
                files.get_file(f"{below}/{entry.path}", str(path), callback=moved)
            if _is_whole(path, entry):
                return
        raise Damaged(f"{entry.path} has another content than was published")

    _move(get, entries, "fetched")


def _move(one: Callable[[FileEntry, Callback], None], entries: list[FileEntry], verb: str) -> None:
    """Do `one` for every file; says how far it is where that takes longer than a moment."""
    moved, total = Moved(), sum(entry.bytes for entry in entries)
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="transfer")
    try:
        pending = {pool.submit(one, entry, moved) for entry in entries}
        while pending:
            done, pending = wait(pending, timeout=1, return_when=FIRST_EXCEPTION)
            for job in done:
                job.result()
            if pending and moved.value < total:
                report(moved.value // MIB, max(1, total // MIB), f"MiB {verb}")
    finally:
        pool.shutdown(cancel_futures=True)


def _is_whole(path: Path, entry: FileEntry) -> bool:
    """Whether the file is what was published; then it is on the disk to stay, and its time says that it was read."""
    if not path.is_file() or path.stat().st_size != entry.bytes or digest_file(path) != entry.sha256:
        return False
    with path.open("rb") as file:
        os.fsync(file.fileno())
    os.utime(path, ns=(path.stat().st_atime_ns, entry.mtime_ns))  # Store.find trusts a large one by it
    return True
