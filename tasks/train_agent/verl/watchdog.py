"""Ends a process that waits for what will not come, with a reason.

verl 0.9.1 waits without a limit where the rollout cannot answer: the actor hands the adapter over through a socket, and
a vLLM engine that failed to load it, or that is dead, never reads from there; the error stays in the other process's
log. A Ray task cannot be interrupted from outside either, so its process ends itself, and the driver says why.
"""

import os
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

STATUS = 70  # of a process that its watchdog ended
EVERY = 10.0  # seconds between two looks at the rollout
MISSES = 3  # looks in a row that find a rollout dead before it is believed


def stop(text: str, reason: Path) -> None:
    """End this process; `reason` then holds `text`."""
    reason.write_text(text, encoding="utf-8")
    print(f"watchdog: {text}", file=sys.stderr, flush=True)
    os._exit(STATUS)


@contextmanager
def watchdog(seconds: float, what: str, reason: Path) -> Iterator[None]:
    """End this process when what is done inside takes longer than `seconds`; `reason` then says `what` did."""
    timer = threading.Timer(seconds, stop, (f"{what} was not done after {seconds:.0f} s", reason))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def watch_rollout(addresses: Sequence[str], reason: Path, every: float = EVERY) -> threading.Event:
    """End this process when one of the vLLM servers at `addresses` (host:port) says that its engine is dead.

    Returns:
        The event that ends the watch.
    """
    ended = threading.Event()

    def watch() -> None:
        misses = dict.fromkeys(addresses, 0)
        while not ended.wait(every):
            for address in addresses:
                misses[address] = misses[address] + 1 if dead(address) else 0
                if misses[address] >= MISSES:
                    stop(f"the vLLM engine of the rollout at {address} is dead; see its lines in the log", reason)

    threading.Thread(target=watch, daemon=True).start()
    return ended


def dead(address: str) -> bool:
    """Whether a vLLM server is gone or reports a dead engine; one that is busy or asleep is not dead."""
    # The machine's own network: no proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}/health", timeout=30):
            return False
    except urllib.error.HTTPError as error:
        return error.code >= 500
    except urllib.error.URLError as error:
        return isinstance(error.reason, ConnectionRefusedError)
    except OSError:
        return False
