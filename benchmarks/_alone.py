"""A piece of work in a process of its own: its seconds, seconds of cores and memory, with those of its children.

In:  alone(read, Path("corpus"), Path("out"))      a function of a module's top level, and what it is called with
Out: ({"": 3.1, "/cores": 4.4, "/memory": 212.0}, what it returned)
"""

import contextlib
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil


def alone(work: Callable[..., Any], *given: Any) -> tuple[dict[str, float], Any]:
    """Seconds (its start included), seconds of cores, peak MB, and what `work` returns.

    Memory is the largest sum of what the process and its children hold, looked at ten times a second.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    began = time.perf_counter()
    process = context.Process(target=_measured, args=(work, given, theirs))
    process.start()
    theirs.close()
    figures, said = ours.recv()
    process.join()
    return figures | {"": time.perf_counter() - began}, said


def _measured(work: Callable[..., Any], given: tuple[Any, ...], answer: Any) -> None:
    os.environ["REWRITING_AGENT_FORK_ENGINES"] = "0"  # a forked one is no child of this process
    memory, done = [0.0], threading.Event()
    threading.Thread(target=_watch, args=(memory, done), daemon=True).start()
    said = work(*given)
    done.set()
    answer.send(({"/memory": max(memory), "/cores": cores_used()}, said))


def cores_used() -> float:
    """Seconds of cores that this process and its children that have ended took so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _watch(memory: list[float], done: threading.Event) -> None:
    while not done.wait(0.1):
        held = 0
        for one in [psutil.Process(), *psutil.Process().children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                held += one.memory_info().rss
        memory.append(held / 1e6)
