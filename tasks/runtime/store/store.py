"""The artifact store: the only truth about what is done.

    store/artifacts/<key>/   the files of an artifact and, written last, manifest.json
    store/partial/<key>/     resumable work on it, until it is published
    store/broken/<key>.<n>/  what was found damaged, set aside
    store/locks/<key>        held (flock) by whoever builds it; a dead holder holds nothing
    store/by-name/<name>     links for people (by_name.py)
    store/pins/, notes/      what people say of artifacts (remarks.py)
    store/digests/           of the user's own files, hashed once (known_digests.py)

The manifest is the commit: without it there is nothing, with it the artifact is whole. `publish` writes it last and
then moves the folder into place by one rename, so a kill between any two steps leaves either resumable work or a
whole artifact.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks.runtime import stopping
from tasks.runtime.store import by_name, names
from tasks.runtime.store.manifest import MANIFEST, Artifact, Manifest, read
from tasks.runtime.store.sealed import damage, seal, sync


class StoreError(RuntimeError):
    """The store does not hold what was asked of it."""


class Store:
    """Artifacts in a local folder."""

    def __init__(self, root: Path) -> None:
        """Raises StoreError: something that is no folder lies there."""
        self.root = root.resolve()
        if self.root.exists() and not self.root.is_dir():
            raise StoreError(f"{self.root} is no folder: REWRITING_AGENT_STORE names the store's")

    def path(self, key: str) -> Path:
        """The folder of a published artifact."""
        return self.root / "artifacts" / key

    def partial(self, key: str) -> Path:
        """The folder in which one is built."""
        return self.root / "partial" / key

    def folder(self, artifact: Artifact) -> Path:
        """Where the files of a published artifact lie, on this machine."""
        return self.path(artifact.key)

    def manifest(self, key: str) -> Manifest:
        """The manifest of a published artifact. Raises StoreError where there is none, or one that is damaged."""
        try:
            return read(self.path(key))
        except FileNotFoundError:
            raise StoreError(f"no artifact {key} in {self.root}; `rewriting-agent lineage` lists all") from None
        except ValueError as error:
            damaged = f"{self.path(key) / MANIFEST} is damaged ({error})"
            raise StoreError(f"{damaged}: run again what made it; it is set aside and built anew") from None

    def manifests(self) -> list[Manifest]:
        """Every published manifest that can be read, the last made first; `unreadable` names the others."""
        found: list[tuple[float, Manifest]] = []
        for path in (self.root / "artifacts").glob(f"*/{MANIFEST}"):
            try:
                manifest = read(path.parent)
            except ValueError:
                continue
            # A file's time says when it was copied here; it stands in only where nothing else is known.
            found.append((manifest.made or path.stat().st_mtime, manifest))
        return [manifest for _, manifest in sorted(found, key=lambda one: -one[0])]

    def unreadable(self) -> list[Path]:
        """Manifests that are none: a disk that was full, a power cut. A run that needs one sets its artifact aside."""
        broken = []
        for path in sorted((self.root / "artifacts").glob(f"*/{MANIFEST}")):
            try:
                read(path.parent)
            except ValueError:
                broken.append(path)
        return broken

    def name(self, manifest: Manifest, called: str = "") -> str:
        """The readable name of what `manifest` describes, from what lies on this machine; see names.name_of."""

        def look(key: str) -> Manifest | None:
            try:
                return Store.manifest(self, key)  # never from elsewhere: a name is not worth a wait
            except (StoreError, ValueError):
                return None

        return names.name_of(manifest, look, called)

    def resolve(self, asked: str) -> str:
        """The key that is meant by the beginning of a key or of a name. Raises StoreError where none or several are."""
        keys = [path.parent.name for path in (self.root / "artifacts").glob(f"*/{MANIFEST}")]
        keys = [key for key in keys if key.startswith(asked)]
        if len(keys) == 1:
            return keys[0]
        try:
            return names.choose(asked, names.names_of(self.manifests()))
        except LookupError as error:
            raise StoreError(f"{error.args[0]} ({self.root})") from None

    def look(self, key: str) -> Manifest | None:
        """The manifest of `key` where its artifact is there, by the sizes of its files: for what only asks. No file is
        read through, moved or locked."""
        try:
            manifest = read(self.path(key))
            sizes = {entry.path: (self.path(key) / entry.path).stat().st_size for entry in manifest.files}
        except (FileNotFoundError, ValueError):
            return None
        return manifest if all(sizes[entry.path] == entry.bytes for entry in manifest.files) else None

    def find(self, key: str) -> Artifact | None:
        """The whole artifact of `key`, or None. A damaged one is moved aside, to be built again. Hold the lock."""
        partial = self.partial(key)
        if (partial / MANIFEST).exists() and not self.path(key).exists():
            if damage(partial) is None:
                self._move_in(key)  # a publish was killed between its last two steps
            else:
                (partial / MANIFEST).unlink()
        folder = self.path(key)
        if not folder.exists():
            return None
        if damage(folder) is not None:
            self._set_aside(folder)
            return None
        return self.manifest(key).artifact()

    def verify(self, key: str) -> str | None:
        """What is wrong with a published artifact, every byte read; None where it is whole."""
        return damage(self.path(key), trust_stat=False)

    def verify_all(self) -> tuple[int, list[str]]:
        """How many artifacts were read, and a sentence for each that is damaged."""
        found = {one.key: (one.kind, self.verify(one.key)) for one in self.manifests()}
        found |= {path.parent.name: ("manifest of", self.verify(path.parent.name)) for path in self.unreadable()}
        wrong = [f"{kind} {key}: {said}" for key, (kind, said) in found.items() if said]
        return len(found), [f"{said}; the next run that needs it builds it again" for said in wrong]

    @contextmanager
    def lock(self, key: str, waiting: Callable[[float], None] = lambda _: None) -> Iterator[int]:
        """Hold the key's lock; yields its file descriptor. `waiting` hears the seconds waited so far.

        An engine's supervisor inherits the descriptor: after a kill -9 of the holder the lock stays taken until the
        last process of its engine is dead, so nobody resumes work that is still being written.
        """
        path = self.root / "locks" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        started = time.monotonic()
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    stopping.check()
                    waiting(time.monotonic() - started)
                    time.sleep(0.1)
            yield descriptor
        finally:
            os.close(descriptor)

    def publish(self, manifest: Manifest) -> Artifact:
        """Publish partial/<key> under `manifest`, whose files and digest are filled in here. Hold the lock."""
        manifest = seal(self.partial(manifest.key), manifest)
        self._move_in(manifest.key)
        return manifest.artifact()

    def _move_in(self, key: str) -> None:
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.partial(key).rename(target)
        sync(target.parent)
        by_name.link(self.root, self.name(Store.manifest(self, key)), key)

    def _set_aside(self, folder: Path) -> None:
        broken = self.root / "broken"
        broken.mkdir(exist_ok=True)
        folder.rename(broken / f"{folder.name}.{time.time_ns()}")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest beside an input's files, for a stage that reports on where its inputs come from."""
    return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
