"""One attempt at a stage, running or not, read from its folder alone.

In:  partial/<key>/.attempt.json and .progress.jsonl (tasks/runtime/attempt.py), the files that the stage writes so far
Out: Attempt(name="train_agent/nano/rewriting_agent-seed1", state="running", done=12, total=40, unit="steps",
     left=81.0, tokens_per_second=1944.6, accepted=(310, 384), curves=[…], texts=[…], log=["…"])
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson
from markupsafe import Markup

from infra.dashboard.curves import curve, curves, last_rows
from infra.dashboard.entry import entry_of
from infra.dashboard.site import Site
from tasks.runtime.attempt import NOTE, PROGRESS
from tasks.runtime.progress.progress import Pace
from tasks.runtime.store.sealed import SCRATCH

State = Literal["running", "failed", "stopped"]
TEXTS, LOG_LINES = 3, 12
_TEXT_FIELDS = ("rewrite", "text")


@dataclass
class Attempt:
    """What is being built, or failed, as its folder tells."""

    key: str
    kind: str
    name: str
    method: str
    flow_run: str
    task_run: str
    state: State
    started: float
    changed: float
    more: list[str] = field(default_factory=list)  # names of what the same stage's run makes beside it
    done: int = 0
    total: int = 0
    unit: str = ""
    left: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    tokens_per_second: float | None = None
    accepted: tuple[int, int] | None = None
    error: str = ""
    curves: list[tuple[str, Markup]] = field(default_factory=list)
    texts: list[tuple[str, str, bool | None]] = field(default_factory=list)  # row id, text, whether it passed
    log: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it has run, or ran until it ended."""
        return max(0.0, (time.time() if self.state == "running" else self.changed) - self.started)


def read_attempt(site: Site, folder: Path, held: bool) -> Attempt | None:
    """The attempt of a folder under partial/, `held` by whoever builds it or not; None where it has told nothing."""
    note = note_of(folder)
    if note is None:
        return None
    entry = entry_of(folder.name, note)
    entry.backbone = entry.backbone or next(
        (one.backbone for _, key, _ in entry.inputs if (one := site.index.entries.get(key)) and one.backbone), ""
    )
    events = last_rows(folder / PROGRESS)
    error = str(events[-1].get("error", "")) if events else ""
    files = _written(folder)
    attempt = Attempt(
        key=folder.name,
        kind=entry.kind,
        name=entry.name,
        method=entry.method,
        flow_run=entry.flow_run,
        task_run=str((note.get("run") or {}).get("task_run", "")),
        state="failed" if error else "running" if held else "stopped",
        started=entry.started,
        changed=max([_mtime(folder / NOTE), _mtime(folder / PROGRESS), *(_mtime(file) for file in files)]),
        error=error,
        log=_log(folder),
    )
    steps = [event for event in events if "done" in event]
    if steps:
        pace, last = Pace(), steps[-1]
        attempt.done, attempt.total, attempt.unit = int(last["done"]), int(last["total"]), str(last["unit"])
        attempt.values = {str(name): float(value) for name, value in last["values"].items()}
        attempt.left = [pace.left(one["done"], one["total"], one["unit"], one["at"]) for one in steps][-1]
    attempt.curves = curves(folder) or _curves_of_values(steps)
    _read_rows(attempt, folder, files)
    return attempt


def _curves_of_values(steps: list[dict[str, Any]]) -> list[tuple[str, Markup]]:
    """A curve a figure that the stage reports with its progress, for stages that write their file at the end."""
    found = []
    for name in dict.fromkeys(name for step in steps for name in step["values"]):
        points = {float(step["done"]): float(step["values"][name]) for step in steps if name in step["values"]}
        if len(points) > 1:
            found.append((name.replace("_", " "), curve(sorted(points.items()), name)))
    return found


def _read_rows(attempt: Attempt, folder: Path, files: list[Path]) -> None:
    """Tokens a second, acceptance so far and the newest texts, from the rows that the stage has written."""
    steps = last_rows(folder / "steps.jsonl")
    if steps:
        attempt.tokens_per_second = steps[-1].get("tokens_per_second")
    rows = [(file, row) for file in files for row in last_rows(file)]
    blocks = [file for file in files if file.parent.name == "blocks"]
    if len(blocks) > 1:
        # Rows that were sampled, a block a file: when the first one was begun is not known, so it does not count.
        spent = _mtime(blocks[-1]) - _mtime(blocks[0])
        tokens = sum(row["tokens"] for file, row in rows if file in blocks[1:] and isinstance(row.get("tokens"), int))
        attempt.tokens_per_second = tokens / spent if spent > 0 and tokens else None
    judged = [row["passed"] for _, row in rows if isinstance(row.get("passed"), bool)]
    attempt.accepted = (sum(judged), len(judged)) if judged and not steps else None
    for _, row in reversed(rows):
        text = next((row[name] for name in _TEXT_FIELDS if isinstance(row.get(name), str)), None)
        if text is not None and len(attempt.texts) < TEXTS:
            attempt.texts.append((str(row.get("id", "")), text, row.get("passed")))


def _written(folder: Path) -> list[Path]:
    """The files of rows that an attempt has written, oldest first; those of its inputs that lie in scratch are not."""
    below = [
        *folder.glob("*.jsonl"),
        *folder.glob(f"{SCRATCH}/blocks/*.jsonl"),
        *folder.glob(f"{SCRATCH}/*/blocks/*.jsonl"),
    ]
    return sorted((file for file in below if not file.name.startswith(".")), key=_mtime)


def _log(folder: Path) -> list[str]:
    """The end of the newest engine's output."""
    logs = sorted((folder / SCRATCH).glob("*.log"), key=_mtime)
    if not logs:
        return []
    with logs[-1].open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 16_384))
        return file.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:]


def note_of(folder: Path) -> dict[str, Any] | None:
    """What an attempt told of itself when it began; None: nothing yet."""
    try:
        note = orjson.loads((folder / NOTE).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return note if isinstance(note, dict) and "kind" in note else None


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # published, or taken away, meanwhile
