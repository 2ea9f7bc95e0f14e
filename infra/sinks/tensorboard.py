"""TensorBoard: a folder a run below REWRITING_AGENT_TENSORBOARD, `nano/rewriting_agent-seed0-3f2a91c07b5d/`.

Curves are scalars by step, figures scalars at step 0, params go to the HParams tab. The folder is written beside its
place and renamed; the file `rows` in it is the digest of what it says: told again the same, nothing is written.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.sinks.rows import SinkRun, slug

ROWS = "rows"


def feed(where: str, runs: Sequence[SinkRun]) -> int:
    """Write event files of `runs` below the folder `where`; returns how many were new or had changed."""
    return sum(_feed(Path(where), run) for run in runs)


def folder_of(root: Path, run: SinkRun) -> Path:
    """Where a run's event file lies."""
    label = run.method if run.seed is None else f"{run.method}-seed{run.seed}"
    return root / slug(run.backbone) / f"{slug(label)}-{run.id}"


def _feed(root: Path, run: SinkRun) -> bool:
    folder = folder_of(root, run)
    noted = folder / ROWS
    if noted.exists() and noted.read_text(encoding="utf-8") == run.digest:
        return False
    temporary = root / f".{run.id}.{os.getpid()}"  # below the root: its parent may be another disk
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _write(temporary, run)
        (temporary / ROWS).write_text(run.digest, encoding="utf-8")
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return True


def _write(folder: Path, run: SinkRun) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    def scalar(name: str, value: float, step: int) -> Any:
        return Event(
            step=step, wall_time=run.ended, summary=Summary(value=[Summary.Value(tag=name, simple_value=value)])
        )

    folder.mkdir(parents=True)
    writer = EventFileWriter(str(folder))
    try:
        params: dict[Any, Any] = dict(run.params)
        writer.add_event(Event(wall_time=run.ended, summary=hparams_pb(params, run.id, run.started)))
        for name, value in run.figures.items():
            writer.add_event(scalar(name, value, 0))
        for name, points in run.curves.items():
            for step, value in points:
                writer.add_event(scalar(name, value, step))
    finally:
        writer.close()
