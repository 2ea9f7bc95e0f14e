"""Ends a process that waits for what will not come, with a reason.

verl 0.9.1 waits without a limit where a rollout fails to load the adapter: the actor hands over the weights through a
socket that nobody answers, and the error stays in the other process's log. A Ray task cannot be interrupted from
outside either, so its process ends itself, and the driver says why.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATUS = 70  # of a process that its watchdog ended


@contextmanager
def watchdog(seconds: float, what: str, reason: Path) -> Iterator[None]:
    """End this process when what is done inside takes longer than `seconds`; `reason` then says `what` did."""

    def stop() -> None:
        text = f"{what} was not done after {seconds:.0f} s"
        reason.write_text(text, encoding="utf-8")
        print(f"watchdog: {text}", file=sys.stderr, flush=True)
        os._exit(STATUS)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
