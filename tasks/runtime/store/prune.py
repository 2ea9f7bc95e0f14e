"""What of a store may go: artifacts that no report was made from, and work that nobody goes on with.

In:  a store, the kinds of artifact to keep with all that they were made from ({"report"}), an age in days
Out: [Leftover("artifact", kind "rewrite", key "9f3c…", 5,120 bytes, 12.3 days)], which `remove` takes away

Kept whatever its age: what the lineage of a kept or pinned (remarks.py) artifact names, and what is being built. Of
a store that machines share (shared_store.py) only this machine's copies go; it fetches again what it needs again.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.runtime.store import by_name, in_use, remarks
from tasks.runtime.store.names import names_of
from tasks.runtime.store.store import Manifest, Store, StoreError

DAY = 86_400


@dataclass(frozen=True)
class Leftover:
    """One folder of a store that may go."""

    what: str  # artifact, partial (work that was not published) or broken (set aside)
    kind: str  # of an artifact: rewrite, finetune, …
    key: str
    folder: Path
    bytes: int
    days: float  # since it was made, or last written
    frees: int = 0  # bytes of files that lie nowhere else: a model's weights may be links to the user's own file
    name: str = ""  # of an artifact

    @property
    def called(self) -> str:
        return self.name or self.key[:12]


def needed(manifests: Iterable[Manifest], kinds: Collection[str], keep: Collection[str] = ()) -> set[str]:
    """Keys of the artifacts of these kinds, of those whose key begins with one of `keep`, and of their lineage."""
    by_key = {one.key: one for one in manifests}
    waiting = [one.key for one in by_key.values() if one.kind in kinds or one.key.startswith(tuple(keep))]
    found: set[str] = set()
    while waiting:
        if (key := waiting.pop()) not in found:
            found.add(key)
            waiting += [one.key for one in by_key[key].inputs.values()] if key in by_key else []
    return found


def leftovers(store: Store, kinds: Collection[str], days: float, keep: Collection[str] = ()) -> list[Leftover]:
    """What is not needed (see `needed`) or pinned, older than `days`, and not being built; the largest first.

    Raises:
        StoreError: a manifest cannot be read: nobody knows what it needs.
    """
    if unreadable := store.unreadable():
        raise StoreError(
            f"{len(unreadable)} manifests cannot be read, so what they need is not known; first: {unreadable[0]}. Move "
            "their folders away, or let the run that needs them build them again"
        )
    manifests = list(store.manifests())
    kept, called = needed(manifests, kinds, (*keep, *remarks.pinned(store.root))), names_of(manifests)
    unwanted = [one for one in manifests if one.key not in kept]
    found = [_leftover("artifact", one.kind, one.key, store.path(one.key), called[one.key]) for one in unwanted]
    for what in ("partial", "broken"):
        for folder in (store.root / what).glob("*"):
            found.append(_leftover(what, "", folder.name.partition(".")[0], folder))
    old = [one for one in found if one.days >= days and not _is_locked(store, one.key)]
    return sorted(old, key=lambda one: (-one.bytes, one.key))


def remove(store: Store, unwanted: Iterable[Leftover]) -> list[Leftover]:
    """Take them away, each by one rename first, so that a kill leaves no half artifact. Returns those that went.

    Raises:
        StoreError: a run or a command uses the store.
    """
    gone = []
    with in_use.alone(store.root):
        kept = needed(store.manifests(), (), remarks.pinned(store.root))  # pinned since it was listed
        for one in unwanted:
            if one.what == "artifact" and one.key in kept:
                continue
            if _is_locked(store, one.key) or not one.folder.exists():
                continue
            aside = store.root / "broken" / f"{one.key}.{time.time_ns()}"
            aside.parent.mkdir(exist_ok=True)
            one.folder.rename(aside)
            shutil.rmtree(aside)
            gone.append(one)
        by_name.refresh(store.root, names_of(store.manifests()))
    return gone


def _leftover(what: str, kind: str, key: str, folder: Path, name: str = "") -> Leftover:
    stats = [path.stat() for path in (folder, *_files(folder))]
    size = sum(stat.st_size for stat in stats[1:])
    frees = sum(stat.st_size for stat in stats[1:] if stat.st_nlink == 1)
    days = (time.time() - max(stat.st_mtime for stat in stats)) / DAY
    return Leftover(what, kind, key, folder, size, days, frees, name)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _is_locked(store: Store, key: str) -> bool:
    """Whether somebody builds it: a run, or what is left of a killed one's engine."""
    try:
        descriptor = os.open(store.root / "locks" / key, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def summary(found: Sequence[Leftover], removed: bool) -> str:
    """ "12 folders, 3,400,000 bytes, may go: --remove takes them away …", for the command and for the flow."""
    size = f"{sum(one.bytes for one in found):,}"
    may_go = "may go: --remove takes them away (of the flow maintenance: remove)"
    return f"{len(found)} folders, {size} bytes, {'are gone' if removed else may_go}"
