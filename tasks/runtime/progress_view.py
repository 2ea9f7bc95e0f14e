"""Shows the progress of a stage: a line with the time left in the log, a progress artifact in the Prefect UI."""

import time
from contextvars import Token
from types import TracebackType
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectHTTPStatusError

from tasks.runtime import stopping
from tasks.runtime.progress import Handler, Progress, handler

LOG_EVERY = 10.0  # seconds
ARTIFACT_EVERY = 3.0


def time_left(done: int, total: int, elapsed: float) -> float | None:
    """Seconds left at the pace so far; None before the first unit is done."""
    return elapsed / done * (total - done) if done > 0 else None


class ProgressView:
    """While it is entered, progress that the stage or its engines report goes to the log and to the UI."""

    def __init__(self, name: str, log: Any) -> None:
        self.name, self.log = name, log
        self.started = self.logged = self.shown = time.monotonic()
        self.first_done: int | None = None  # what a resumed attempt found already done has no pace
        self.unit = ""
        self.artifact: UUID | None = None
        self.unreachable = False
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
        if self.first_done is None or progress.unit != self.unit:  # another count, as of a transfer, has its own pace
            self.first_done, self.unit = progress.done, progress.unit
            self.started = now
        if finished or now - self.logged >= LOG_EVERY:
            self.logged = now
            left = time_left(progress.done - self.first_done, progress.total - self.first_done, now - self.started)
            eta = "" if finished or left is None else f", {left:.0f} s left"
            values = "".join(f", {name} {value:.4g}" for name, value in progress.values.items())
            self.log.info("%s: %d of %d %s%s%s", self.name, progress.done, progress.total, progress.unit, eta, values)
        # Nobody watches a stage that takes a second: it gets no artifact.
        if (finished and self.artifact is not None) or now - self.shown >= ARTIFACT_EVERY:
            self.shown = now
            self._publish(100.0 * progress.done / max(1, progress.total))

    def _publish(self, percent: float) -> None:
        if TaskRunContext.get() is None or self.unreachable:
            return
        try:
            if self.artifact is None:
                created = create_progress_artifact(progress=percent, description=self.name)
                self.artifact = created if isinstance(created, UUID) else None
            else:
                update_progress_artifact(artifact_id=self.artifact, progress=percent)
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            # A server that died is no reason to lose the stage's work.
            self.unreachable = True
            self.log.warning("%s: its progress is no longer shown in the UI: %s", self.name, error)
