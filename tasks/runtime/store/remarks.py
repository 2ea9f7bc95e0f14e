"""What people say of artifacts: a pin, which keeps one from pruning with all that it was made from, and a note.

    store/pins/<key>.json     {"at": 1.79e9}
    store/notes/<key>.json    {"at": 1.79e9, "text": "the one in the talk"}

Each is a small file of its own, there whole or not at all, and no part of any manifest, key or digest. They stay on
this machine: a store that machines share (shared_store.py) does not carry them.
"""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

from tasks.runtime.files.whole_file import write_json

PINS, NOTES = "pins", "notes"
LONGEST = 2000  # characters of a note


class RemarkError(ValueError):
    """A pin or a note that cannot be kept; says why."""


@dataclass(frozen=True)
class Remark:
    """What a person said of an artifact."""

    pinned: bool = False
    note: str = ""


def pin(root: Path, key: str) -> None:
    """Keep the artifact of `key`, and what it was made from, from pruning."""
    write_json(_file(root, PINS, key), {"at": time.time()})


def unpin(root: Path, key: str) -> None:
    """Take the pin away, if there is one."""
    _file(root, PINS, key).unlink(missing_ok=True)


def write_note(root: Path, key: str, text: str) -> None:
    """Let `text` be the note on the artifact of `key`; an empty one takes it away. Raises RemarkError: too long."""
    path, text = _file(root, NOTES, key), text.strip()
    if len(text) > LONGEST:
        raise RemarkError(f"a note has up to {LONGEST:,} characters, this one {len(text):,}")
    if text:
        write_json(path, {"at": time.time(), "text": text.encode(errors="replace").decode()})
    else:
        path.unlink(missing_ok=True)


def remarks(root: Path) -> dict[str, Remark]:
    """Key → what is said of it, for all of which anything is."""
    pins, notes = pinned(root), {path.stem: _text(path) for path in _files(root / NOTES)}
    return {key: Remark(key in pins, notes.get(key, "")) for key in pins | notes.keys()}


def pinned(root: Path) -> set[str]:
    """Keys of the pinned artifacts. A pin is its file: one that is empty after a power cut still pins."""
    return {path.stem for path in _files(root / PINS)}


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.json") if not path.name.startswith(".")]


def _file(root: Path, what: str, key: str) -> Path:
    if not re.fullmatch(r"[0-9a-zA-Z]+", key):
        raise RemarkError(f"{key!r} is no key")
    return root / what / f"{key}.json"


def _text(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["text"])
    except FileNotFoundError:  # taken away since it was listed
        return ""
    except (ValueError, KeyError, TypeError):
        return f"(the note in {path.parent.name}/{path.name} cannot be read)"
