"""A file that is there whole or not at all: written beside its place, on the disk, then renamed. A line likewise."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from tasks.runtime.files.full_disk import explained, nearest


class CannotWrite(OSError):
    """No file can be written there: names the place and what is in the way."""


def misplaced(path: Path) -> str:
    """Why no file can lie there, with what to do; "" where one can."""
    if path.is_dir():
        return f"{path} is a folder: name a file in it"
    if path.exists() and not path.is_file():
        return f"{path} is no ordinary file: name another place"
    there = nearest(path.absolute().parent)
    return "" if there.is_dir() else f"{path}: {there} is a file, and nothing can lie in it: name another place"


def unwritable(path: Path) -> str:
    """Why no file can be written there, as far as can be said before it is tried; "" where one can."""
    if (said := misplaced(path)) or os.access(there := nearest(path.absolute().parent), os.W_OK | os.X_OK):
        return said
    return f"{path}: nothing may be written in {there}: name another place"


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8) that takes the name `path` once the block ends without an error.

    Raises:
        CannotWrite: a folder has this name, or none can be made for it.
        DiskFull: there is no room for it.
    """
    if said := misplaced(path):
        raise CannotWrite(said)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with explained(path), temporary.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_first(path: Path, content: bytes) -> None:
    """A file that nobody has written yet; of several at once, also of other machines, one is first.

    Raises:
        FileExistsError: somebody has.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with explained(path):
            beside.write_bytes(content)
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """`value` as indented JSON."""
    with whole(path) as file:
        file.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def append_json(path: Path, value: Any) -> None:
    """`value` as one more line, in one write: a reader never sees half of two. Raises DiskFull."""
    with explained(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(value, ensure_ascii=False) + "\n")
