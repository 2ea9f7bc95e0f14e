"""The store of a machine that shares its artifacts with others, through an object store.

    REWRITING_AGENT_SHARED_STORE=s3://bucket/prefix

    artifacts/<key>/manifest.json      written last, on the condition that there is none
    artifacts/<key>/<digest>/<file>    the files of the artifact; two that differ never mix
    locks/<key>/<n>                    who builds it (tasks/runtime/store/lease.py)

Stages read and write the local store, unchanged. What it lacks is fetched, what it published is uploaded; the manifest
is the commit here too. Where two machines built the same key, the manifest that was written first counts, and the
other machine takes that artifact for its own.
"""

import logging
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import fsspec

from tasks.runtime import stopping
from tasks.runtime.files.digest import digest_entries
from tasks.runtime.store import lease
from tasks.runtime.store.store import MANIFEST, Artifact, Manifest, Store, StoreError
from tasks.runtime.store.transfer import Damaged, fetch, upload

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)  # what is fetched and uploaded is part of a run's story
logging.getLogger("botocore").setLevel(logging.INFO)  # at DEBUG it writes session tokens


class SharedStoreError(OSError):
    """The shared store cannot be reached or refuses. A passing fault as far as a stage knows: it is tried again."""


class SharedStore(Store):
    """Artifacts in a local folder, fetched from and uploaded to an object store."""

    def __init__(self, root: Path, url: str, lease_seconds: float) -> None:
        super().__init__(root)
        parts = urlsplit(url)
        if not parts.scheme or parts.username or parts.password or parts.query:
            raise SharedStoreError(
                "REWRITING_AGENT_SHARED_STORE is scheme://bucket/prefix and holds no credentials: give those in the "
                "environment or the files of the provider (AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_ENDPOINT_URL …)"
            )
        self.url, self.lease_seconds = url.rstrip("/"), lease_seconds

    @cached_property
    def _remote(self) -> tuple[fsspec.AbstractFileSystem, str]:
        """The file system, and the path below which the store lies."""
        with self._reaching():
            return _connect(self.url, "artifacts")

    @cached_property
    def _locks(self) -> tuple[fsspec.AbstractFileSystem, str]:
        """The same through connections of its own: behind a slow upload a heartbeat would come too late."""
        with self._reaching():
            return _connect(self.url, "locks")

    @contextmanager
    def lock(self, key: str, waiting: Callable[[float], None] = lambda _: None) -> Iterator[int]:
        """Hold the key's lock: on this machine, and between machines where neither store has the artifact."""
        with super().lock(key, waiting) as descriptor, ExitStack() as locks:
            if not self.path(key).exists() and self._agree(key, None) is None:
                files, root = self._locks
                with self._reaching():
                    held = lease.hold(files, f"{root}/locks/{key}", self.lease_seconds, waiting)
                    locks.enter_context(held)
            yield descriptor

    def look(self, key: str) -> Manifest | None:
        if (mine := super().look(key)) is not None:
            return mine
        shared = self._read(key)
        return shared[0] if shared else None

    def find(self, key: str) -> Artifact | None:
        return self._agree(key, super().find(key))

    def publish(self, manifest: Manifest) -> Artifact:
        """Publish here, then to all. What comes back is another machine's artifact if that was there first."""
        agreed = self._agree(manifest.key, super().publish(manifest))
        assert agreed is not None
        return agreed

    def folder(self, artifact: Artifact) -> Path:
        """Where the artifact's files lie on this machine, fetched if they do not lie there yet."""
        folder = super().folder(artifact)
        if not folder.exists() or super().manifest(artifact.key).artifact() != artifact:
            with super().lock(artifact.key):
                found = self.find(artifact.key)
            if found != artifact:
                there = "no such artifact" if found is None else f"another content ({found.digest[:12]})"
                raise StoreError(f"{self.url} has {there} for {artifact.kind} {artifact.key}; run the flow again")
        return folder

    def manifest(self, key: str) -> Manifest:
        try:
            return super().manifest(key)
        except StoreError:
            shared = self._read(key)
            if shared is None:
                raise
            return shared[0]

    def _agree(self, key: str, mine: Artifact | None) -> Artifact | None:
        """Make both stores hold the same artifact of `key`, which is returned; None where neither has one."""
        while True:
            theirs = self._read(key)
            if theirs is None and (mine is None or self._upload(key)):
                return mine
            if theirs is not None:
                if mine == theirs[0].artifact():
                    return mine
                mine = self._adopt(*theirs, mine)

    def _read(self, key: str) -> tuple[Manifest, bytes] | None:
        """The shared manifest and its bytes; None where there is none, or a damaged one, which is taken away."""
        files, root = self._remote
        with self._reaching():
            try:
                content = files.cat_file(f"{root}/artifacts/{key}/{MANIFEST}")
            except FileNotFoundError:
                return None
        try:
            manifest = Manifest.model_validate_json(content)
            entries = [(entry.path, entry.bytes, entry.sha256) for entry in manifest.files]
            paths = [PurePosixPath(entry.path) for entry in manifest.files]
            if manifest.key != key or manifest.digest != digest_entries(entries):
                raise Damaged("its manifest's key or digest does not match")
            if any(path.is_absolute() or ".." in path.parts for path in paths):
                raise Damaged("its manifest names a file outside the artifact")
        except ValueError as error:
            self._retract(key, content, error)
            return None
        return manifest, content

    def _retract(self, key: str, content: bytes, why: Exception, digest: str = "unreadable") -> None:
        """Take a damaged artifact away, its manifest last, unless another machine has already replaced it."""
        files, root = self._remote
        path = f"{root}/artifacts/{key}/{MANIFEST}"
        logger.warning("%s: artifact %s is damaged and is taken away: %s", self.url, key, why)
        with self._reaching():
            if files.exists(path) and files.cat_file(path) == content:
                _remove(files, f"{root}/artifacts/{key}/{digest}")
                files.rm_file(path)

    def _upload(self, key: str) -> bool:
        """Upload the local artifact of `key`, the manifest last; False where another manifest came first."""
        manifest, folder = super().manifest(key), self.path(key)
        files, root = self._remote
        shared = f"{root}/artifacts/{key}"
        with self._reaching():
            upload(files, folder, f"{shared}/{manifest.digest}", manifest.files)
            first = lease.create(files, f"{shared}/{MANIFEST}", (folder / MANIFEST).read_bytes())
        if first:
            logger.info("%s %s: uploaded to %s", manifest.kind, key[:12], self.url)
        return first

    def _adopt(self, theirs: Manifest, content: bytes, mine: Artifact | None) -> Artifact | None:
        """Fetch the shared artifact in place of the local one; a damaged one is taken away and leaves `mine`."""
        files, root = self._remote
        key, shared = theirs.key, f"{root}/artifacts/{theirs.key}"
        fetched = self.root / "fetched" / f"{key}.{theirs.digest[:12]}"
        try:
            with self._reaching():
                fetch(files, f"{shared}/{theirs.digest}", fetched, theirs.files)
        except Damaged as error:
            shutil.rmtree(fetched, ignore_errors=True)
            self._retract(key, content, error, theirs.digest)
            return mine
        (fetched / MANIFEST).write_bytes(content)
        if mine is not None:
            logger.warning("%s %s: another machine's came first and is taken; ours is set aside", theirs.kind, key)
            self._set_aside(self.path(key))
            with self._reaching():
                _remove(files, f"{shared}/{mine.digest}")
        shutil.rmtree(self.partial(key), ignore_errors=True)  # work towards what is here now
        self.partial(key).parent.mkdir(parents=True, exist_ok=True)
        fetched.rename(self.partial(key))
        logger.info("%s %s: fetched from %s", theirs.kind, key[:12], self.url)
        found = super().find(key)  # verifies it and moves it into place
        if found is None:
            raise SharedStoreError(f"{key} came whole from {self.url}, but is damaged in {self.root}: check that disk")
        return found

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Whatever the backend raises (there is no common class) becomes a SharedStoreError that says what to do."""
        try:
            yield
        except (SharedStoreError, Damaged, stopping.Stopped):
            raise
        except Exception as error:
            said = re.sub(r"//[^/@\s]+@", "//", f"{type(error).__name__}: {error}")
            raise SharedStoreError(
                f"the shared store {self.url} cannot be used ({said}). Check that the bucket is there, that this "
                "machine reaches it (AWS_ENDPOINT_URL for a store that is not AWS's) and that its credentials may "
                "list, read, write and delete. What this machine has built is in its own store: run again."
            ) from None


@cache
def _connect(url: str, purpose: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """A file system of this process for each purpose. Listings are not cached: others write too."""
    # Of each file one part at a time, several files at once: s3fs 2026.9 holds the parts that it moves at once in
    # memory, ten of 50 MiB, and a download in parts that breaks off fails, where a plain one goes on where it was.
    options = {"max_concurrency": 1} if url.startswith("s3:") else {}
    return fsspec.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True, **options)


def _remove(files: fsspec.AbstractFileSystem, below: str) -> None:
    if found := files.find(below):
        files.rm(found)
