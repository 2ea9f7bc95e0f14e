"""Digests of a user's own files, hashed once and not at each run: a model's folder, a corpus.

In:  the files of /data/model, and /data/model as what they are files of
Out: their SHA-256 in hex, in the same order; kept in store/digests/<digest of the path>.json:
     {"of": "/data/model", "files": {"model.safetensors": [[device, inode, bytes, mtime_ns, ctime_ns], "9f3c…"]}}

A kept digest is used only where the file's device, inode, size and times are those that it was hashed with. Of a file
that was changed within two seconds of hashing none is kept: it may change once more with the same times (a file
system's clock has ticks, as git knows). The time of the inode's last change is compared too: it cannot be set by
programs that put back a file's mtime. So a new hard link to a file, as the import of a model makes it, costs one more
hashing.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tasks.runtime.files.digest import digest_entries, digest_file, digest_value, files_below
from tasks.runtime.files.whole_file import write_json
from tasks.runtime.settings import settings

FOLDER = "digests"
RACY = 2.0  # seconds between a file's last change and its hashing within which it may change unseen
SMALL = 2**20  # bytes; less is hashed in a millisecond, and nothing is kept of it

Stamp = list[int]

logger = logging.getLogger(__name__)
_writing = threading.Lock()  # stages are threads of one process


def known_digests(files: Sequence[Path], of: Path) -> list[str]:
    """SHA-256 of each of `files`, which are those of the folder or file `of`; hashed where no digest is kept."""
    of = of.absolute()
    sizes = sum(file.stat().st_size for file in files)
    if sizes < SMALL:
        return [digest_file(file) for file in files]
    kept_at = settings().store / FOLDER / f"{digest_value(str(of))[:32]}.json"
    before = _read(kept_at)
    # Others of the same folder stay: of a model once all files are asked for, once its tokenizer's.
    after = {name: one for name, one in before.items() if (of / name).exists()}
    found = []
    for file in files:
        name, now, stamp = os.path.relpath(file, of), time.time(), _stamp(file)
        known = before.get(name)
        digest = known[1] if known is not None and known[0] == stamp else digest_file(file)
        found.append(digest)
        if _stamp(file) == stamp and max(stamp[3:]) / 1e9 < now - RACY:
            after[name] = [stamp, digest]
        else:
            after.pop(name, None)
    if after != before:
        try:
            with _writing:
                write_json(kept_at, {"of": str(of), "files": after})
        except OSError as error:
            _say(str(kept_at.parent), error.strerror or str(error))
    return found


def known_file_digest(file: Path) -> str:
    """`digest_file`, hashed once."""
    return known_digests([file], file)[0]


def known_folder_digest(folder: Path) -> str:
    """`digest_folder`, hashed once."""
    files = files_below(folder)
    entries = zip(files, known_digests(files, folder), strict=True)
    return digest_entries((str(path.relative_to(folder)), path.stat().st_size, digest) for path, digest in entries)


def _stamp(file: Path) -> Stamp:
    stat = file.stat()
    return [stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _read(path: Path) -> dict[str, list[Any]]:
    """What is kept; nothing where it cannot be read, and it is written anew."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {name: one for name, one in kept.items() if _is_entry(one)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("%s cannot be read (%s): the files are hashed again", path, error)
        return {}


def _is_entry(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and isinstance(one[1], str) and len(one[1]) == 64


@cache
def _say(folder: str, why: str) -> None:
    logger.warning("%s cannot be written (%s): files of yours are hashed at each run", folder, why)
