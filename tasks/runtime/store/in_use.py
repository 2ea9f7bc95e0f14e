"""Whether anything uses a store, so that nothing is removed under its feet.

A process that looks an artifact up holds the store until it ends (a shared flock on locks/.in-use); whoever removes
holds it alone. A dead holder holds nothing.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tasks.runtime import stopping
from tasks.runtime.store.store import StoreError


@cache
def hold(root: Path) -> int:
    """Hold the store at `root` until this process ends; waits while somebody removes from it."""
    descriptor = _open(root)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            stopping.check()
            time.sleep(0.1)


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the store alone. Raises StoreError where a run or a command uses it."""
    descriptor = _open(root)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"a run or a command is using {root}: nothing is removed; try again when it has ended"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _open(root: Path) -> int:
    path = root / "locks" / ".in-use"
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
