"""A folder that is there whole or not at all: made beside its place, then renamed.

In:  Path("mine")
Out: mine/ with all that the block wrote, or, where it failed, nothing
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty folder that takes the name `path` once the block ends without an error.

    Raises:
        FileExistsError: something lies at `path` already (an empty folder apart): nothing is overwritten.
    """
    path = path.absolute()
    refuse_taken(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        yield beside
        refuse_taken(path)
        beside.rename(path)  # fails where somebody filled `path` in the meantime
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def refuse_taken(path: Path) -> None:
    """Raises FileExistsError where something lies at `path`; an empty folder is nothing."""
    if path.is_symlink() or (path.exists() and not (path.is_dir() and not any(path.iterdir()))):
        raise FileExistsError(f"{path} is there already and is not overwritten: name another folder, or remove it")


def link_or_copy(source: Path, target: Path) -> None:
    """The file under another name: a hard link where the file system has them, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
