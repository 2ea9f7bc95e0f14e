"""Work in forked children, a few at a time: each starts with all that its parent has worked out, and may die.

In:  results([("square", lambda: 2 * 2)], processes=2)
Out: ("square", 4), or ("square", "no result: …") where the child was ended
"""

import gc
import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

CHILD = 240.0  # seconds

Job = tuple[Any, Callable[[], Any]]


def _forked(work: Callable[[], Any]) -> tuple[int, int]:
    """Process and pipe of a child that works and writes its result; its death is a result as well."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        gc.disable()
        try:
            reply = work()
        except BaseException as error:
            reply = f"{type(error).__name__}: {error}"
        with os.fdopen(writer, "w") as out:
            json.dump(reply, out)
        os._exit(0)
    os.close(writer)
    return pid, reader


def results(jobs: Iterable[Job], processes: int) -> Iterator[tuple[Any, Any]]:
    """(job, its result) as children end; a string says why there is none."""
    gc.freeze()  # else a collection in a child copies the parent's memory
    selector = selectors.DefaultSelector()
    running: dict[int, tuple[Any, int, float, list[bytes]]] = {}
    waiting = iter(jobs)
    left = True
    while left or running:
        while left and len(running) < processes:
            try:
                job, work = next(waiting)
            except StopIteration:
                left = False
                break
            pid, reader = _forked(work)
            running[reader] = (job, pid, time.monotonic(), [])
            selector.register(reader, selectors.EVENT_READ)
        for key, _ in selector.select(timeout=1):
            part = os.read(key.fd, 1 << 16)
            if part:
                running[key.fd][3].append(part)
                continue
            yield _ended(selector, running, key.fd)
        for fd in [fd for fd, (_, _, began, _) in running.items() if time.monotonic() - began > CHILD]:
            os.kill(running[fd][1], signal.SIGKILL)
            yield _ended(selector, running, fd)


def _ended(selector: Any, running: dict[int, Any], fd: int) -> tuple[Any, Any]:
    job, pid, _, parts = running.pop(fd)
    selector.unregister(fd)
    os.close(fd)
    os.waitpid(pid, 0)
    try:
        return job, json.loads(b"".join(parts))
    except ValueError:
        return job, "no result: ended by its deadline"
