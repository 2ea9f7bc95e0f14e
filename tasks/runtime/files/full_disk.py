"""A full disk, told with the file and with what to do.

In:  OSError: [Errno 28] No space left on device
Out: DiskFull: [Errno 28] no room left on the disk: 'store/partial/9f3c…/rows.jsonl' (0.0 MB free). Free some, …
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ADVICE = (
    "Free some (`rewriting-agent store prune` lists what no report needs) or let REWRITING_AGENT_STORE name a folder "
    "on a larger disk; then run it again: what is published stays, what was begun goes on"
)
SAID = "No space left on device"  # by the system and by every library


class DiskFull(OSError):
    """A file could not be written for lack of room."""

    def __str__(self) -> str:
        return f"[Errno {self.errno}] no room left on the disk: {self.filename!r}{self.strerror}. {ADVICE}"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What ends for lack of room raises DiskFull, which names the file: the system's, else `path`."""
    try:
        yield
    except DiskFull:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(error.errno, _free(path), os.fspath(error.filename or path)) from error


def _free(path: Path) -> str:
    return f" ({free(path) / 1e6:.1f} MB free)"


def free(path: Path) -> int:
    """Bytes that are free where the path lies, or will."""
    return shutil.disk_usage(nearest(path)).free


def nearest(path: Path) -> Path:
    """The path, or the nearest above it that is there."""
    whole = path.absolute()
    return next(one for one in (whole, *whole.parents) if one.exists())
