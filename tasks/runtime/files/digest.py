"""Digests: of values, of files and of folders. SHA-256 throughout, in hex."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def digest_value(value: Any) -> str:
    """Digest of a JSON-able value, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_file(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_entries(entries: Iterable[tuple[str, int, str]]) -> str:
    """Content digest of a folder from its (relative path, bytes, sha256): what it holds, not where or when."""
    return digest_value(sorted(entries))


def files_below(folder: Path) -> list[Path]:
    """Regular files below `folder`, sorted by their relative path. Raises ValueError at a symbolic link out of it."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{path} is a link to something outside its folder; copy the file in instead")
        if path.is_file():
            found.append(path)
    return found


def digest_folder(folder: Path) -> str:
    """Content digest of the files below `folder`."""
    return digest_entries(
        (str(path.relative_to(folder)), path.stat().st_size, digest_file(path)) for path in files_below(folder)
    )
