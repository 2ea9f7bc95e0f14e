"""A tree of links for people: the store's by-name/, in which every artifact lies under its readable name.

    store/by-name/finetune/nano/sft-seed0/nll/5f0c9a1e -> ../../../../../artifacts/5f0c9a1e…

The links are relative, so a store can be moved, and hold nothing of their own: the tree may be deleted at any time.
Several processes and machines may write it at once. Where links cannot be made (a file system without them, a folder
that may not be written) there is no tree, which is said once and stops nothing.
"""

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

FOLDER = "by-name"
TRIES = 20

logger = logging.getLogger(__name__)


def link(root: Path, name: str, key: str) -> None:
    """Let by-name/`name` lead to the artifact of `key` in the store at `root`; what lay there is replaced."""
    path = root / FOLDER / name
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    target = os.path.relpath(root / "artifacts" / key, path.parent)
    try:
        for attempt in range(TRIES):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.unlink(missing_ok=True)
                temporary.symlink_to(target)
                temporary.replace(path)  # in one step: nobody sees it half
                return
            except (FileNotFoundError, FileExistsError):  # another process has just removed an empty folder
                if attempt == TRIES - 1:
                    raise
    except OSError as error:
        _say(str(root / FOLDER), error.strerror or str(error))


def refresh(root: Path, names: Mapping[str, str]) -> None:
    """Make the tree agree with `names` (key → name): links that lead nowhere or have another name go, others come.

    An artifact that is not in `names` but is there was published meanwhile; its link stays.
    """
    present = {path: _key(path) for path in _links(root / FOLDER)}
    there = {f"{path.relative_to(root / FOLDER)}": key for path, key in present.items()}
    for path, key in present.items():
        stale = key in names and names[key] != str(path.relative_to(root / FOLDER))
        if stale or not (root / "artifacts" / key).exists():
            _remove(path, root / FOLDER)
    for key, name in names.items():
        if there.get(name) != key and (root / "artifacts" / key).exists():
            link(root, name, key)


def _links(folder: Path) -> Iterator[Path]:
    """Every link of the tree, also those that a killed process left under a temporary name."""
    for at, folders, files in os.walk(folder):
        yield from (path for name in (*folders, *files) if (path := Path(at, name)).is_symlink())


def _key(path: Path) -> str:
    try:
        return path.readlink().name
    except FileNotFoundError:
        return ""


def _remove(path: Path, until: Path) -> None:
    """Take a link away, and the folders that it leaves empty."""
    try:
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == until:
                return
            folder.rmdir()
    except OSError:
        return  # not empty, or not ours to write: the next refresh finds it again


@cache
def _say(tree: str, why: str) -> None:
    logger.warning("%s: names are not linked there (%s); `rewriting-agent store list` has them all", tree, why)
