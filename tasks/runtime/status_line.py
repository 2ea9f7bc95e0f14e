"""Progress on one line of the terminal, for commands that work outside a flow."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from tasks.runtime.progress import handled_by


@contextmanager
def status_line(console: Console) -> Iterator[None]:
    """While it is entered, the line says how far the work is."""
    with (
        console.status("loading the model") as status,
        handled_by(lambda now: status.update(f"{now.done} of {now.total} {now.unit}")),
    ):
        yield
