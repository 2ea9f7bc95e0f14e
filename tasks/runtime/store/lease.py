"""A lock between machines: who may build what the shared store lacks.

    locks/<key>/3    {"owner": "gpu-7 4242 5f3c09ab", "beat": 17, "seconds": 60.0, "free": false}

The object with the highest number is the lock. Whoever wants it writes the next number, on the condition that there
is no such object: of several one succeeds, and removes the lower ones. The holder counts `beat` up four times a lease;
a waiter that sees the same content for `seconds` of its own clock takes the holder for dead and writes the next
number. No machine compares its clock with another's.

The lock saves work, it does not keep the store whole: a holder that was stopped for longer than its lease (a
suspended laptop, a cut network) builds on beside its successor, and the manifest that is written first counts.
"""

import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from uuid import uuid4

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from pydantic import BaseModel

from tasks.runtime import stopping
from tasks.runtime.files.whole_file import write_first

logger = logging.getLogger(__name__)


class Holder(BaseModel):
    """The content of a lock object."""

    owner: str
    beat: int = 0
    seconds: float
    free: bool = False

    def json_bytes(self) -> bytes:
        return self.model_dump_json().encode()


@contextmanager
def hold(
    files: AbstractFileSystem, folder: str, seconds: float, waiting: Callable[[float], None] = lambda _: None
) -> Iterator[None]:
    """Hold the lock of `folder`, and keep it for as long as this process lives and reaches the store.

    Args:
        seconds: after which a holder that was not heard of counts as dead.
        waiting: hears the seconds waited so far.
    """
    holder = Holder(owner=f"{platform.node()} {os.getpid()} {uuid4().hex[:8]}", seconds=seconds)
    number = _take(files, folder, holder, waiting)
    ended = threading.Event()
    # In this run's context, so that what it logs reaches this run's log.
    beating = threading.Thread(
        target=copy_context().run, args=(_beat, files, folder, number, holder, ended), daemon=True, name="lease"
    )
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join()
        try:
            files.pipe_file(f"{folder}/{number}", holder.model_copy(update={"free": True}).json_bytes())
        except Exception as error:
            logger.warning(
                "the lock %s could not be freed (%s): it lapses in %g s", folder, type(error).__name__, seconds
            )


def create(files: AbstractFileSystem, path: str, content: bytes) -> bool:
    """Write `path` if there is no such object yet (on S3: `If-None-Match: *`), and say whether it was written."""
    try:
        if isinstance(files, LocalFileSystem):
            write_first(Path(path), content)  # fsspec looks first, then writes: of several, two can be first
        else:
            files.pipe_file(path, content, mode="create")
    except OSError:
        # s3fs 2026.9 raises FileExistsError where the answer names the condition, as AWS's does, else a plain OSError.
        if not files.exists(path):
            raise
        return False
    return True


def _take(files: AbstractFileSystem, folder: str, holder: Holder, waiting: Callable[[float], None]) -> int:
    """Wait for the lock and take it; returns its number."""
    started = heard = time.monotonic()
    seen: tuple[int, bytes] | None = None
    while True:
        numbers = _numbers(files, folder)
        last = numbers[-1] if numbers else 0
        try:
            content = files.cat_file(f"{folder}/{last}") if last else b""
        except FileNotFoundError:  # its successor removed it meanwhile
            continue
        if (last, content) != seen:
            seen, heard = (last, content), time.monotonic()
        other = _read(content, holder.seconds) if last else None
        if other is not None and other.owner == holder.owner:
            return last  # our own write, whose answer was lost
        if other is None or other.free or time.monotonic() - heard >= other.seconds:
            if create(files, f"{folder}/{last + 1}", holder.json_bytes()):
                if other is not None and not other.free:
                    logger.warning("took over the lock of %s, not heard of for %g s", other.owner, other.seconds)
                for number in numbers:
                    files.rm_file(f"{folder}/{number}")
                return last + 1
            continue
        stopping.check()
        waiting(time.monotonic() - started)
        time.sleep(min(holder.seconds / 8, 5.0))


def _beat(files: AbstractFileSystem, folder: str, number: int, holder: Holder, ended: threading.Event) -> None:
    while not ended.wait(holder.seconds / 4):
        holder.beat += 1
        try:
            if _numbers(files, folder)[-1:] != [number]:
                logger.warning(
                    "the lock %s was taken over: this machine was not heard of for %g s", folder, holder.seconds
                )
                return
            files.pipe_file(f"{folder}/{number}", holder.json_bytes())
        except Exception as error:
            logger.warning("the lock %s could not be renewed: %s", folder, type(error).__name__)


def _read(content: bytes, seconds: float) -> Holder:
    try:
        return Holder.model_validate_json(content)
    except ValueError:  # written by nobody who keeps it alive
        return Holder(owner="an unknown holder", seconds=seconds)


def _numbers(files: AbstractFileSystem, folder: str) -> list[int]:
    names = [path.rpartition("/")[2] for path in files.find(folder)]
    return sorted(int(name) for name in names if name.isdigit())
