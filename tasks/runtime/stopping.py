"""Whether the run is being ended, by Ctrl-C or a cancellation: its engines are killed and nothing is waited for.

Signals reach the main thread only, and the flow waits for its tasks' threads: whatever takes long in one looks here.
"""

import threading

_event = threading.Event()


class Stopped(RuntimeError):
    """The run is being ended."""


def check(what: str = "") -> None:
    """Raise Stopped if the run is being ended; `what` says what ends by it."""
    if _event.is_set():
        raise Stopped(f"{what}: the run is being ended" if what else "the run is being ended")


def stop() -> None:
    """The run is being ended."""
    _event.set()


def begin() -> None:
    """A run begins in this process."""
    _event.clear()
