"""Progress on one line of the terminal, for commands that work outside a flow."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from tasks.runtime.progress.durations import duration
from tasks.runtime.progress.progress import Pace, Progress, handled_by


@contextmanager
def status_line(console: Console) -> Iterator[None]:
    """While it is entered, the line says how far the work is and how long the rest takes."""
    pace = Pace()

    def show(now: Progress) -> None:
        left = pace.left(now.done, now.total, now.unit, now.at)
        status.update(f"{now.done} of {now.total} {now.unit}{'' if left is None else f', {duration(left)} left'}")

    with console.status("loading the model") as status, handled_by(show):
        yield
