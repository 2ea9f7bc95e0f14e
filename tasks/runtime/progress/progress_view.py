"""Shows the progress of a stage: a line with the time left in the log, a progress artifact in the Prefect UI."""

import time
from contextvars import Token
from types import TracebackType
from typing import Any

from tasks.runtime import stopping
from tasks.runtime.progress import run_progress
from tasks.runtime.progress.durations import duration
from tasks.runtime.progress.progress import Handler, Pace, Progress, handler
from tasks.runtime.progress.progress_artifact import ProgressArtifact

LOG_EVERY = 10.0  # seconds
ARTIFACT_EVERY = 3.0


class ProgressView:
    """While it is entered, progress that the stage or its engines report goes to the log and to the UI."""

    def __init__(self, name: str, log: Any) -> None:
        self.name, self.log = name, log
        self.logged = self.shown = time.monotonic()
        self.pace = Pace()
        self.artifact = ProgressArtifact(name, log)
        self.token: Token[Handler] | None = None

    def __enter__(self) -> "ProgressView":
        self.token = handler.set(self.show)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.token is not None
        handler.reset(self.token)

    def show(self, progress: Progress) -> None:
        stopping.check(self.name)
        now, finished = time.monotonic(), progress.done >= progress.total
        left = self.pace.left(progress.done, progress.total, progress.unit, now)
        if finished or now - self.logged >= LOG_EVERY:
            self.logged = now
            eta = "" if finished or left is None else f", {duration(left)} left"
            values = "".join(f", {name} {value:.4g}" for name, value in progress.values.items())
            self.log.info("%s: %d of %d %s%s%s", self.name, progress.done, progress.total, progress.unit, eta, values)
        # Nobody watches a stage that takes a second: it gets no artifact.
        share = progress.done / max(1, progress.total)
        if (finished and self.artifact.id is not None) or now - self.shown >= ARTIFACT_EVERY:
            self.shown = now
            self.artifact.publish(100.0 * share)
        if (run := run_progress.of_run()) is not None:
            run.reached(self.name, share)
