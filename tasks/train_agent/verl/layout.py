"""Where one attempt of a training with verl keeps its files.

In:  Layout(out / "scratch" / "verl", attempt=2)
Out: layout.spec, layout.rows, layout.checkpoints, layout.stopped
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """What verl's processes of one attempt, counted from 1, read and write in `folder`: out/scratch/verl."""

    folder: Path
    attempt: int = 1

    @property
    def spec(self) -> Path:
        return self.folder / "spec.json"

    @property
    def rows(self) -> Path:
        return self.folder / "rows.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def stopped(self) -> Path:
        return self.folder / "stopped.txt"
