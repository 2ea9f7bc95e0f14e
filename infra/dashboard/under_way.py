"""Who holds what of a store right now, from the kernel's list of locks; no lock is taken for it.

In:  under_way/<flow run>.jsonl (tasks/runtime/progress/run_progress.py), held by each run that lives
Out: [{"run": "nano-study-seeds-0-1", "began": 1.79e9, "done": 41, "total": 601, "share": 0.14, "left": 3900.0, …}]
"""

import os
from pathlib import Path
from typing import Any

from infra.dashboard.curves import last_rows
from tasks.runtime.progress.run_progress import FOLDER

Held = set[tuple[int, int, int]]


def under_way(root: Path, held: Held) -> list[dict[str, Any]]:
    """The last that each living run with a plan told of itself, the oldest first."""
    told = [last_rows(file)[-1:] for file in (root / FOLDER).glob("*.jsonl") if is_held(file, held)]
    return sorted((row for rows in told for row in rows), key=lambda row: float(row["began"]))


def held_locks() -> Held:
    """(major, minor, inode) of every file that some process of this machine holds a lock on."""
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return set()
    found = set()
    for line in lines:
        parts = line.split()
        if "FLOCK" in parts and "->" not in parts:  # an arrow marks one who waits
            major, minor, inode = parts[parts.index("FLOCK") + 4].split(":")
            found.add((int(major, 16), int(minor, 16), int(inode)))
    return found


def is_held(file: Path, held: Held) -> bool:
    """Whether some process holds this file."""
    try:
        stat = file.stat()
    except FileNotFoundError:
        return False
    return (os.major(stat.st_dev), os.minor(stat.st_dev), stat.st_ino) in held
