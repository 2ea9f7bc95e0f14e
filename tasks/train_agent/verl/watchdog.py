"""Ends a process that waits for what will not come, with a reason.

verl 0.9.1 waits without a limit where the rollout cannot answer: the actor hands the adapter over through a socket, and
a vLLM engine that failed to load it, or that is dead, never reads from there; the error stays in the other process's
log. TransferQueue waits likewise for an actor of its own that was killed. A Ray task cannot be interrupted from outside
either, so its process ends itself, and the driver says why.
"""

import os
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

STATUS = 70  # of a process that its watchdog ended
EVERY = 10.0  # seconds between two looks
MISSES = 3  # looks in a row that must find something broken


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


def watch(broken: Callable[[], str | None], reason: Path, every: float = EVERY) -> threading.Event:
    """End this process when `broken` keeps saying what is. An error that the cause raises has time to come first.

    Returns:
        The event that ends the watch.
    """
    ended = threading.Event()

    def look() -> None:
        misses = 0
        while not ended.wait(every):
            what = broken()
            misses = misses + 1 if what else 0
            if what and misses >= MISSES:
                stop(f"{what}; see its lines in the log", reason)

    threading.Thread(target=look, daemon=True).start()
    return ended


def dead_engine(addresses: Sequence[str]) -> str | None:
    """Which of the rollout's vLLM servers (host:port) has a dead engine."""
    return next((f"the vLLM engine of the rollout at {one} is dead" for one in addresses if dead(one)), None)


def dead_actor() -> str | None:
    """Which of this job's Ray actors has died, by its class; called within Ray."""
    import ray
    from ray._private.state import actors

    found = actors(job_id=ray.get_runtime_context().job_id, actor_state_name="DEAD")
    return next((f"Ray's actor {one['ActorClassName']} (process {one['Pid']}) died" for one in found.values()), None)


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
