"""A file that is there whole or not at all: written beside its place, on the disk, then renamed. A line likewise."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from tasks.runtime.files.full_disk import explained


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8) that takes the name `path` once the block ends without an error. Raises DiskFull."""
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
