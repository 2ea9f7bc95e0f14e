"""How far a whole run is, against what was planned for it: in its log, in the Prefect UI, and beside the store.

    log:                              41 of 601 artifacts, 14 % of the planned work, 1 h 05 min left
    under_way/<flow run>.jsonl        {"at": 1.79e9, "run": "nano-study", "done": 41, "total": 601, "share": 0.14, …}

The file is locked while its run lives; the next run removes what a dead one left.
"""

import fcntl
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from tasks.runtime.files.whole_file import append_json
from tasks.runtime.progress.durations import duration
from tasks.runtime.progress.progress import time_left
from tasks.runtime.progress.progress_artifact import ProgressArtifact

FOLDER = "under_way"
SAID_EVERY, WRITTEN_EVERY = 60.0, 2.0  # seconds
TOLD_FROM = 0.02  # of the work: before it a pace is a guess

_run: ContextVar["RunProgress | None"] = ContextVar("run_progress", default=None)


class Planned(NamedTuple):
    """An artifact to be made: the titles that its stage's run may have, its part there, the seconds reckoned for it."""

    titles: tuple[str, ...]
    part: str
    seconds: float


class RunProgress:
    """Weighs what a run has made by the seconds that were planned for it.

    Two artifacts may bear one title (the same method and seed at two learning rates) and one may be asked for under
    several: what ended is told apart by its key.
    """

    def __init__(
        self, name: str, planned: Sequence[Planned], cached: set[str], root: Path, run_id: str, log: Any
    ) -> None:
        self.name, self.planned, self.log = name, planned, log
        self._known = set(cached)  # keys whose artifacts were there, or have ended
        self._under: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))  # title, part: which
        for index, one in enumerate(planned):
            for title in one.titles:
                self._under[title][one.part].append(index)
        self._reached: dict[int, float] = {}  # of each that was begun which share is done, 1 when it has ended
        self._ended = 0
        self._seconds = sum(one.seconds for one in planned) or 1.0
        self._began = self._said = self._written = time.monotonic()
        self._over = False
        self._lock = Lock()
        self._shown = ProgressArtifact(name, log)
        self._file, self._held = _locked(root / FOLDER / f"{run_id}.jsonl")
        self._tell(shown=True)

    @property
    def share(self) -> float:
        """Of the planned seconds, those of what is done."""
        return sum(self.planned[index].seconds * share for index, share in self._reached.items()) / self._seconds

    @property
    def left(self) -> float | None:
        """Seconds to the end at the pace so far; None before there is one."""
        share = self.share
        return time_left(share, 1.0, time.monotonic() - self._began) if share >= TOLD_FROM else None

    def reached(self, title: str, share: float) -> None:
        """A stage's run says how far it is."""
        with self._lock:
            for under in self._under.get(title, {}).values():
                if (index := self._open(under)) is not None:
                    self._reached[index] = min(share, 0.99)
            self._tell()

    def ended(self, title: str, keys: Mapping[str, str]) -> None:
        """A stage's run has its artifacts, made or found: their keys by part."""
        with self._lock:
            for part, key in keys.items():
                index = self._open(self._under.get(title, {}).get(part, []))
                if key not in self._known and index is not None:
                    self._reached[index] = 1.0
                    self._ended += 1
                self._known.add(key)
            self._tell()

    def _open(self, under: Sequence[int]) -> int | None:
        return next((index for index in under if self._reached.get(index, 0.0) < 1.0), None)

    def _tell(self, shown: bool = False) -> None:
        if self._over:
            return
        now, whole = time.monotonic(), self._ended == len(self.planned)
        if shown or whole or now - self._written >= WRITTEN_EVERY:
            self._written = now
            event = {"at": time.time(), "began": time.time() - (now - self._began), "run": self.name}
            event |= {"done": self._ended, "total": len(self.planned), "share": self.share, "left": self.left}
            append_json(self._file, event)
        if shown or whole or now - self._said >= SAID_EVERY:
            self._said = now
            self._shown.publish(100.0 * self.share)
            if not shown:
                left = "" if whole or self.left is None else f", {duration(self.left)} left"
                done = f"{self._ended} of {len(self.planned)} artifacts, {100 * self.share:.0f} % of the planned work"
                self.log.info("%s%s", done, left)
        if whole:
            self._over = True
            self._file.unlink(missing_ok=True)
            os.close(self._held)


def begin(progress: RunProgress) -> None:
    """From here on the stages of the run around say what they have done."""
    _run.set(progress)


def of_run() -> RunProgress | None:
    """The progress of the run around; None where it has no plan."""
    return _run.get()


def _locked(file: Path) -> tuple[Path, int]:
    """An empty file that this process holds until it ends; those beside it that nobody holds are removed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for other in file.parent.glob("*.jsonl"):
        descriptor = os.open(other, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            other.unlink(missing_ok=True)
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)
    held = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    fcntl.flock(held, fcntl.LOCK_SH)
    return file, held
