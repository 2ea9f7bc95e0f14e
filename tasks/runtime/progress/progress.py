"""Progress of long work, said the same way in a stage and in an engine.

An engine is another process: there each report is one line on stdout, `@progress {"done": 3, "total": 10, ...}`,
which `tasks.runtime.engines.engine.run` reads and reports again on the stage's side, where a handler shows it (a
progress artifact in the Prefect UI, a line with the time left in the log).
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

PREFIX = "@progress "


@dataclass(frozen=True)
class Progress:
    """`done` of `total` `unit`s; `values` are figures worth a look (loss, pass rate)."""

    done: int
    total: int
    unit: str = "rows"
    values: dict[str, float] = field(default_factory=dict)
    at: float = field(default_factory=time.time)

    def line(self) -> str:
        """The event as one line, for the other side of a pipe."""
        event = {"done": self.done, "total": self.total, "unit": self.unit, "values": self.values}
        return PREFIX + json.dumps(event)

    @staticmethod
    def parse(line: str) -> "Progress | None":
        """The event in a line of an engine's output; None where the line is ordinary output."""
        if not line.startswith(PREFIX):
            return None
        try:
            event = json.loads(line[len(PREFIX) :])
            return Progress(int(event["done"]), int(event["total"]), str(event["unit"]), dict(event["values"]))
        except (ValueError, KeyError, TypeError):
            return None


Handler = Callable[[Progress], None]


def _print(progress: Progress) -> None:
    print(progress.line(), file=sys.stdout, flush=True)


handler: ContextVar[Handler] = ContextVar("progress_handler", default=_print)


@contextmanager
def handled_by(handle: Handler) -> Iterator[None]:
    """While it is entered, progress goes to `handle`."""
    token = handler.set(handle)
    try:
        yield
    finally:
        handler.reset(token)


def report(done: int, total: int, unit: str = "rows", **values: float) -> None:
    """Say that `done` of `total` are done. Call it as often as is convenient: the handler thins out what it shows."""
    handler.get()(Progress(done, total, unit, values))


TOLD_FROM = 0.05  # of the work, from which the time since the beginning is a pace


@dataclass
class Pace:
    """Follows one count after another, and says how long the rest of each takes.

    The pace is that since the first advance: what came before it is the start of an engine, or one of many rows that
    are decoded at once. Where all has come in one advance so far, it is that since the beginning, from a twentieth on.
    """

    began: tuple[str, int, float] | None = None  # unit, done, at: what a resumed attempt found already done has no pace
    first: tuple[int, float] | None = None

    def left(self, done: int, total: int, unit: str, at: float) -> float | None:
        """Seconds left when `done` of `total` are done `at` so many seconds; None before there is a pace."""
        if self.began is None or self.began[0] != unit:
            self.began, self.first = (unit, done, at), None
        _, before, begun = self.began
        if self.first is None and done > before:
            self.first = (done, at)
        if self.first is not None and done > self.first[0]:
            return time_left(done - self.first[0], total - self.first[0], at - self.first[1])
        told = done - before >= TOLD_FROM * (total - before)
        return time_left(done - before, total - before, at - begun) if told else None


def time_left(done: float, total: float, elapsed: float) -> float | None:
    """Seconds left at the pace so far; None before anything is done."""
    return elapsed / done * (total - done) if done > 0 else None
