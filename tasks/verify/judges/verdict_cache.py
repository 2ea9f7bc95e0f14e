"""Verdicts that a judge has already given, in one SQLite file that threads and processes share.

In:  key(judge="openai/Qwen/Qwen3-30B-A3B-Instruct-2507/…", JudgeItem(…))  ->  "9f2c…"
Out: ReasoningVerdict(valid=True, first_wrong_step=None, reason="every step follows", judge=…), or None

The key covers the judge's identity (model, prompt version, votes, sampling) and the content that was judged, not the
row's id. A row without a verdict (valid is None) is never stored: a failed call is asked again.
"""

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tasks.verify.types import JudgeItem, ReasoningVerdict

_TABLE = (
    "CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, valid INTEGER NOT NULL CHECK (valid IN (0, 1)), "
    "first_wrong_step TEXT, reason TEXT NOT NULL, judge TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID"
)


def _write_ahead(connection: sqlite3.Connection, patience: float = 60.0) -> None:
    """Switch to WAL mode; SQLite's own timeout does not cover the moment when two processes switch at once."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def key(judge: str, item: JudgeItem) -> str:
    """The cache's key of one item for one judge."""
    content = json.dumps([judge, item.question, item.gold, item.solution])
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


class VerdictCache:
    """A cache of verdicts; thread-safe, and safe between processes of one machine (SQLite in WAL mode)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=60, check_same_thread=False, isolation_level=None)
        try:
            _write_ahead(self._connection)
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_TABLE)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise ValueError(
                f"{path}: is no verdict cache ({error}); move it away, verdicts will be asked anew"
            ) from None

    def close(self) -> None:
        """Close the file; the cache cannot be used any more."""
        with self._lock:
            self._connection.close()

    def get(self, keys: Sequence[str]) -> dict[str, ReasoningVerdict]:
        """The stored verdicts among `keys`."""
        found: dict[str, ReasoningVerdict] = {}
        with self._lock:
            for start in range(0, len(keys), 500):  # SQLite's limit on variables is 999 in old builds
                part = keys[start : start + 500]
                marks = ",".join("?" * len(part))
                rows = self._connection.execute(
                    f"SELECT key, valid, first_wrong_step, reason, judge FROM verdicts WHERE key IN ({marks})", part
                )
                found |= {row[0]: ReasoningVerdict(bool(row[1]), row[2], row[3], row[4]) for row in rows}
        return found

    def put(self, verdicts: Mapping[str, ReasoningVerdict] | Iterable[tuple[str, ReasoningVerdict]]) -> int:
        """Store verdicts by key, those without one left out; returns how many were stored."""
        pairs = verdicts.items() if isinstance(verdicts, Mapping) else verdicts
        rows = [
            (name, int(one.valid), _storable(one.first_wrong_step), _storable(one.reason), one.judge, time.time())
            for name, one in pairs
            if one.valid is not None
        ]
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        return len(rows)

    def __len__(self) -> int:
        with self._lock:
            return int(self._connection.execute("SELECT COUNT(*) FROM verdicts").fetchone()[0])


def _storable(text: str | None) -> str | None:
    """Lone surrogates, which JSON may hold and SQLite refuses, are replaced."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")
