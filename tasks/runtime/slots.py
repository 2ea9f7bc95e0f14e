"""Scarce slots of this machine: CPU cores and GPUs, taken around the building of an artifact.

A slot is a file with a flock. The engine's supervisor inherits the descriptor, so a slot is free again only when the
last process that used it is dead, and a holder killed with -9 leaves none taken.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from tasks.runtime import stopping

# Descriptors (the key's lock, slots) that an engine's supervisor keeps open until its last process is dead.
held: ContextVar[tuple[int, ...]] = ContextVar("held", default=())


@contextmanager
def hold(*descriptors: int) -> Iterator[None]:
    """Hand `descriptors` to every engine started within."""
    token = held.set(held.get() + descriptors)
    try:
        yield
    finally:
        held.reset(token)


@contextmanager
def take(folder: Path, name: str, wanted: int, total: int) -> Iterator[list[int]]:
    """Take `wanted` of the machine's `total` slots called `name`; yields their numbers, say [0, 3].

    Takes at most `total`. Whoever waits holds the turnstile, so requests are served in about their order and one
    that wants several slots is not starved by many that want one.
    """
    wanted = min(wanted, total)
    if wanted == 0:
        yield []
        return
    folder.mkdir(parents=True, exist_ok=True)
    turnstile = _open(folder / f"{name}.turnstile")
    taken: dict[int, int] = {}
    try:
        while not _try_lock(turnstile):
            stopping.check()
            time.sleep(0.1)
        while len(taken) < wanted:
            for number in range(total):
                if number in taken or len(taken) == wanted:
                    continue
                descriptor = _open(folder / f"{name}.{number}")
                if _try_lock(descriptor):
                    taken[number] = descriptor
                else:
                    os.close(descriptor)
            if len(taken) < wanted:
                stopping.check()
                time.sleep(0.1)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        with hold(*taken.values()):
            yield sorted(taken)
    finally:
        os.close(turnstile)
        for descriptor in taken.values():
            os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
