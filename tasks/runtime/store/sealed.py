"""An artifact's folder: sealed by its manifest, and whether it is still what was sealed.

seal(folder, manifest)     manifest.json with every file's size and digest, written last
damage(folder)             None, or "rows.jsonl has 40 bytes, not 41"
"""

import os
import shutil
from pathlib import Path

from tasks.runtime.files import full_disk
from tasks.runtime.files.digest import digest_entries, digest_file, files_below
from tasks.runtime.store.manifest import MANIFEST, FileEntry, Manifest, manifest_text, read

SCRATCH = "scratch"  # below an artifact's folder while it is built; never published

# Larger files are trusted when size and modification time are as recorded; smaller ones are hashed at every look-up.
TRUST_STAT_ABOVE = 256 * 2**20


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Write `manifest` with the folder's files and digest, last, everything on disk; returns it.

    What lies in scratch/, and files whose name begins with a dot (the temporary files of killed writers), go.
    """
    shutil.rmtree(folder / SCRATCH, ignore_errors=True)
    for path in folder.rglob(".*"):
        path.unlink()
    entries = []
    for path in files_below(folder):
        if path.name == MANIFEST and path.parent == folder:
            continue
        sync(path)
        stat = path.stat()
        name = str(path.relative_to(folder))
        entries.append(FileEntry(path=name, bytes=stat.st_size, sha256=digest_file(path), mtime_ns=stat.st_mtime_ns))
    digest = digest_entries((entry.path, entry.bytes, entry.sha256) for entry in entries)
    manifest = manifest.model_copy(update={"files": entries, "digest": digest})
    temporary = folder / f".{MANIFEST}"
    with full_disk.explained(temporary):
        temporary.write_text(manifest_text(manifest), encoding="utf-8")
    sync(temporary)
    temporary.replace(folder / MANIFEST)
    sync(folder)
    return manifest


def damage(folder: Path, trust_stat: bool = True) -> str | None:
    """Why the artifact in `folder` is not whole; None where it is."""
    try:
        manifest = read(folder)
    except (FileNotFoundError, ValueError) as error:  # any other OSError is the file system's fault, not the artifact's
        return f"manifest: {error}"
    recorded = {entry.path for entry in manifest.files}
    present = {str(path.relative_to(folder)) for path in files_below(folder) if not is_clutter(path)} - {MANIFEST}
    if recorded != present:
        return f"files {sorted(recorded ^ present)} are missing or were added"
    for entry in manifest.files:
        path = folder / entry.path
        stat = path.stat()
        if stat.st_size != entry.bytes:
            return f"{entry.path} has {stat.st_size} bytes, not {entry.bytes}"
        if trust_stat and entry.bytes > TRUST_STAT_ABOVE and stat.st_mtime_ns == entry.mtime_ns:
            continue
        if digest_file(path) != entry.sha256:
            return f"{entry.path} has another content than was published"
        if entry.bytes > TRUST_STAT_ABOVE:
            os.utime(path, ns=(stat.st_atime_ns, entry.mtime_ns))  # a moved store is hashed once, not at every look-up
    if manifest.digest != digest_entries((entry.path, entry.bytes, entry.sha256) for entry in manifest.files):
        return "the manifest's digest does not match its files"
    return None


def is_clutter(path: Path) -> bool:
    """A file that file managers and network file systems leave anywhere: .DS_Store, ._x, .nfs0001, Thumbs.db."""
    return path.name.startswith(".") or path.name in ("Thumbs.db", "desktop.ini")


def sync(path: Path) -> None:
    """Have a file's content, or a folder's entries, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
