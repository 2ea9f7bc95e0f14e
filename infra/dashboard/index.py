"""The index of a store: every manifest read once, kept small, brought up to date before each answer.

In:  store/artifacts/<key>/manifest.json
Out: Entry(kind="finetune", key="5f0c…", inputs=(("backbone", "7d7c…", "666f…"), …), started=1.79e9, seconds=20.6,
     method="sft", seed=0, detail="nll", …), its name "finetune/nano/sft-seed0/nll/5f0c9a1e", and
     `used_by["5f0c…"] == {"a74f…", …}`

Artifacts never change, so a folder is read again only where another one lies in its place (its inode differs). What a
page needs beyond an Entry, a config for instance, it reads from the one manifest.
"""

import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from infra.dashboard.entry import UNREADABLE, Entry, entry_of
from tasks.runtime.files.plain_text import label
from tasks.runtime.store import names
from tasks.runtime.store.store import MANIFEST

_ROLE = re.compile(rf"\w+\.({names.METHOD})(?:/(\d+))?(?:\.|$)")  # a report's input: scores.sft/0.math500, model.sft/0


@dataclass
class Index:
    """Every artifact of the store in `root`, by key. `refresh` looks what is new; it may be called by any thread."""

    root: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    used_by: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    version: int = 0  # rises whenever something came or went
    _inodes: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self) -> int:
        """Read what is new, forget what is gone; returns `version`. 20,000 known artifacts take some 20 ms."""
        with self._lock:
            found = self._listing()
            gone = [key for key in self._inodes if key not in found]
            new = [key for key, inode in found.items() if self._inodes.get(key) != inode]
            for key in gone + [key for key in new if key in self.entries]:
                self._forget(key)
            read = [entry for key in new if (entry := self._read(key)) is not None]
            for entry in read:
                self._inodes[entry.key] = found[entry.key]
                self.entries[entry.key] = entry
                for _, key, _ in entry.inputs:
                    self.used_by[key].add(entry.key)
            self._name(read)
            self.version += bool(gone or read)
            return self.version

    def manifest(self, key: str) -> dict[str, Any]:
        """The whole manifest of an artifact. Raises LookupError where there is none, or none that can be read."""
        if not re.fullmatch(r"[0-9a-zA-Z]+", key):
            raise LookupError(f"{key!r} is no key")
        path = self.root / "artifacts" / key / MANIFEST
        try:
            found = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            raise LookupError(f"no artifact {key} in {self.root}; `rewriting-agent lineage` lists all") from None
        except orjson.JSONDecodeError as error:
            raise LookupError(f"{path}: {error}") from None
        if not isinstance(found, dict):
            raise LookupError(f"{path} holds no manifest")
        return found

    def folder(self, key: str) -> Path:
        return self.root / "artifacts" / key

    def of_kind(self, kind: str) -> list[Entry]:
        """The artifacts of a stage, newest first."""
        return sorted((e for e in list(self.entries.values()) if e.kind == kind), key=lambda e: -e.started)

    def above(self, keys: Iterable[str]) -> set[str]:
        """`keys` and all that they were made from, those that are gone included."""
        return _reach(keys, lambda key: [i[1] for i in self.entries[key].inputs] if key in self.entries else [])

    def below(self, key: str) -> set[str]:
        """`key` and all that was made from it: the reports that used a corpus, for instance."""
        return _reach([key], lambda one: self.used_by.get(one, ()))

    def _listing(self) -> dict[str, int]:
        try:
            with os.scandir(self.root / "artifacts") as found:
                return {one.name: one.inode() for one in found}
        except FileNotFoundError:
            return {}

    def _forget(self, key: str) -> None:
        self._inodes.pop(key, None)
        for _, source, _ in self.entries.pop(key).inputs:
            self.used_by[source].discard(key)

    def _read(self, key: str) -> Entry | None:
        path = f"{self.root}/artifacts/{key}/{MANIFEST}"
        try:
            with open(path, "rb") as file:  # noqa: PTH123  # twice as fast as Path.read_bytes over 20,000 files
                return entry_of(key, orjson.loads(file.read()))
        except (FileNotFoundError, NotADirectoryError):
            return None  # no artifact: something else that lies in the folder
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return Entry(UNREADABLE, key, problem=label(f"{type(error).__name__}: {error}", 200))

    def _name(self, read: list[Entry]) -> None:
        """Fill in what follows from others: the backbone of all, and from reports whose run an artifact is."""
        for entry in read:
            if entry.kind == "report":
                for name, key, _ in entry.inputs:
                    role, made = _ROLE.match(name), self.entries.get(key)
                    if role and made is not None and made.kind != "split":
                        made.method, made.seed = role[1], None if role[2] is None else int(role[2])
        for entry in read:
            entry.backbone = self._backbone(entry.key)

    def _backbone(self, key: str) -> str:
        """The name of the backbone that an artifact was made with; tokenizers lent to the sample do not count."""

        def look(one: str) -> tuple[str, list[str]] | None:
            entry = self.entries.get(one)
            if entry is None:
                return None
            return entry.backbone, names.own_sources((name, source) for name, source, _ in entry.inputs)

        return names.backbone_of([key], look)


def _reach(keys: Iterable[str], neighbours: Any) -> set[str]:
    seen: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            waiting.extend(neighbours(key))
    return seen
