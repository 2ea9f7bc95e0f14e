"""What is being built, told beside the work for whoever looks at the store: the dashboard, a person.

    store/partial/<key>/.attempt.json     the manifest as far as it is known: {"kind": "finetune", "inputs": {…}, …}
    store/partial/<key>/.progress.jsonl   {"at": 1.79e9, "done": 3, "total": 9, "unit": "steps", "values": {"loss": 1}},
                                          last {"at": …, "error": "EngineError: …"} where the attempt failed

Their names begin with a dot: publishing takes them away, and they are no part of any digest.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tasks.runtime.files.whole_file import append_json, write_json
from tasks.runtime.progress.progress import Progress, handled_by, handler
from tasks.runtime.store.store import Manifest

NOTE, PROGRESS = ".attempt.json", ".progress.jsonl"
EVERY = 1.0  # seconds between two lines of progress
LONGEST = 2000  # characters of an error that are kept


@contextmanager
def told(outs: Mapping[str, Path], manifests: Mapping[str, Manifest]) -> Iterator[None]:
    """While it is entered, the folders say what is built in them and how far it is. Progress also goes on to where
    it went before."""
    for part, manifest in manifests.items():
        note = manifest.model_dump(mode="json", exclude={"files", "digest", "metrics"})
        write_json(outs[part] / NOTE, note | {"timings": {"started": time.time()}})
        (outs[part] / PROGRESS).unlink(missing_ok=True)
    onward, written = handler.get(), [0.0]

    def show(progress: Progress) -> None:
        if progress.at - written[0] >= EVERY or progress.done >= progress.total:
            written[0] = progress.at
            event = {"done": progress.done, "total": progress.total, "unit": progress.unit, "values": progress.values}
            _append(outs, {"at": progress.at} | event)
        onward(progress)

    try:
        with handled_by(show):
            yield
    except BaseException as error:
        with suppress(OSError):  # a disk that is full has no room for the note either: what is raised tells it
            _append(outs, {"at": time.time(), "error": f"{type(error).__name__}: {error}"[:LONGEST]})
        raise


def _append(outs: Mapping[str, Path], event: dict[str, Any]) -> None:
    for out in outs.values():
        append_json(out / PROGRESS, event)
