"""Scarce slots of this machine: CPU cores, GPUs, GiB of memory, taken around the building of an artifact.

A slot is a file with a flock. The engine's supervisor inherits the descriptor, so a slot is free again only when the
last process that used it is dead, and a holder killed with -9 leaves none taken. Slots are taken all or none: whoever
waits for four holds none of them meanwhile. Requests are served in their order; a later one may go first while what it
takes is of no use to those before it, until one of them has waited for `PATIENCE`: what comes free then is kept for it.

Work that is dealt out (tasks/runtime/engines/dealing.py) may be done by any number of engines: such a stage asks for
`Dealt` and takes what is free, so that no GPU is idle while it waits for the others. One engine alone would take so
long that who needs all GPUs waits for it; it begins with two (benchmarks/slots.py tells what each policy is worth).
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from tasks.runtime import stopping

PATIENCE = 600.0  # seconds for which others may overtake

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


@dataclass(frozen=True)
class Dealt:
    """As many engines of `each` GPUs as find room."""

    each: int = 1

    def room(self, slots: int) -> int:
        """Slots of the engines that find room on so many."""
        return slots // self.each * self.each


@contextmanager
def take(
    folder: Path,
    name: str,
    asked: int | Dealt,
    total: int,
    patience: float = PATIENCE,
    waiting: Callable[[float], None] = lambda _: None,
) -> Iterator[list[int]]:
    """Take what is asked for of the machine's `total` slots called `name`; yields their numbers, say [0, 3].

    Takes at most `total`. `waiting` hears the seconds waited so far.
    """
    wanted = fewest(asked, total)
    if wanted == 0:
        yield []
        return
    folder.mkdir(parents=True, exist_ok=True)
    taken: dict[int, int] = {}
    try:
        with _waiting(folder, name, wanted) as own:
            while not taken:
                with _deciding(folder, name):
                    taken = _take_now(folder, name, own, asked, total, patience)
                if not taken:
                    waiting((time.monotonic_ns() - own.when) / 1e9)
                    stopping.check()
                    time.sleep(0.1)
        with hold(*taken.values()):
            yield sorted(taken)
    finally:
        for descriptor in taken.values():
            os.close(descriptor)


def left_for(free: int, before: Iterable[tuple[float, int]], patience: float = PATIENCE) -> int:
    """How many of `free` slots a request may take that those `before` it leave.

    Args:
        free: slots that nobody holds.
        before: of each request that waits for longer, oldest first, the seconds that it has waited and what it wants.
        patience: seconds for which those that want more than is free may be overtaken.
    """
    left = free
    for waited, wanted in before:
        if wanted <= left:
            left -= wanted  # it is about to take them
        elif waited > patience:
            left = 0
    return left


def fewest(asked: int | Dealt, total: int) -> int:
    """With how many of the machine's `total` slots a request begins."""
    wanted = min(2 * asked.each, asked.room(total)) if isinstance(asked, Dealt) else asked
    return min(wanted, total)


def given(asked: int | Dealt, left: int, total: int) -> int:
    """How many slots a request gets where `left` are free for it: what it wants, or none."""
    if (wanted := fewest(asked, total)) > left:
        return 0
    return asked.room(left) if isinstance(asked, Dealt) else wanted


@dataclass(frozen=True, order=True)
class _Request:
    """A file `gpu.waits.<when>.<process>.<wanted>`, locked while its request waits."""

    when: int  # nanoseconds since the machine started: no clock that somebody sets
    path: Path
    wanted: int


@contextmanager
def _waiting(folder: Path, name: str, wanted: int) -> Iterator[_Request]:
    with _deciding(folder, name):
        when = time.monotonic_ns()
        path = folder / f"{name}.waits.{when}.{os.getpid()}.{wanted}"
        descriptor = _open(path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield _Request(when, path, wanted)
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _take_now(
    folder: Path, name: str, own: _Request, asked: int | Dealt, total: int, patience: float
) -> dict[int, int]:
    """Locked slots by number: what is given now, maybe none."""
    free: dict[int, int] = {}
    for number in range(total):
        descriptor = _open(folder / f"{name}.{number}")
        if _try_lock(descriptor):
            free[number] = descriptor
        else:
            os.close(descriptor)
    now = time.monotonic_ns()
    before = [((now - request.when) / 1e9, request.wanted) for request in _before(folder, name, own)]
    chosen = sorted(free)[: given(asked, left_for(len(free), before, patience), total)]
    for number in free.keys() - set(chosen):
        os.close(free[number])
    return {number: free[number] for number in chosen}


def _before(folder: Path, name: str, own: _Request) -> list[_Request]:
    """Requests that wait for longer, oldest first; files of processes that have died are removed."""
    found = []
    for path in folder.glob(f"{name}.waits.*"):
        *_, when, _, wanted = path.name.split(".")
        if (request := _Request(int(when), path, int(wanted))) >= own:
            continue
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        if _try_lock(descriptor):
            path.unlink(missing_ok=True)
        else:
            found.append(request)
        os.close(descriptor)
    return sorted(found)


@contextmanager
def _deciding(folder: Path, name: str) -> Iterator[None]:
    """One at a time looks at what is free; held for some milliseconds."""
    descriptor = _open(folder / f"{name}.deciding")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
