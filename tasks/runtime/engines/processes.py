"""A function over blocks of rows in processes of their own: results in the order of the blocks, all cores used.

    for result in in_processes(function, blocks, processes=2):      # function(block) -> result, both pickled

A stage's function runs in a thread of its flow, and threads share one interpreter lock. The processes are started
plainly, not by `multiprocessing`, which would import the flow's main module (Prefect) again in each; they end when
their parent does, whatever ended it, for their socket is closed then. Little work starts none.
"""

import os
import pickle
import queue
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from tasks.runtime import stopping
from tasks.runtime.settings import ROOT

Block = TypeVar("Block")
Result = TypeVar("Result")

FEW = 3  # blocks up to which this process computes itself; a start costs as much


class ProcessDied(RuntimeError):
    """A computing process ended without an answer: killed, or out of memory."""


def in_processes(function: Callable[[Block], Result], blocks: Iterable[Block], processes: int) -> Iterator[Result]:
    """`function` of every block, in order; at most two blocks a process are held.

    Args:
        function: of a module's top level, or a `functools.partial` of one.
        blocks: read in this process, as results are asked for.
        processes: how many compute; each imports the function's module.

    Raises:
        ProcessDied, Stopped, and what `function` raises.
    """
    source = iter(blocks)
    first = list(islice(source, FEW + 1))
    if len(first) <= FEW:
        yield from map(function, first)
        return
    workers = [_Worker(function) for _ in range(processes)]
    free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    for worker in workers:
        free.put(worker)

    def compute(block: Block) -> Any:
        worker = free.get()
        try:
            return worker.ask(block)
        finally:
            free.put(worker)

    threads = ThreadPoolExecutor(processes, thread_name_prefix="processes")
    try:
        waiting: deque[Future[Any]] = deque()
        for block in chain(first, source):
            waiting.append(threads.submit(compute, block))
            if len(waiting) >= 2 * processes:
                stopping.check()
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for worker in workers:
            worker.end()
        threads.shutdown(cancel_futures=True)


class _Worker:
    def __init__(self, function: Callable[[Any], Any]) -> None:
        ours, theirs = socket.socketpair()
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tasks.runtime.engines.processes", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # a Ctrl-C at the terminal is the parent's
            )
        self.connection = Connection(ours.detach())
        self.connection.send(function)

    def ask(self, block: Any) -> Any:
        try:
            self.connection.send_bytes(pickle.dumps(block, pickle.HIGHEST_PROTOCOL))
            good, answer = self.connection.recv()
        except (EOFError, OSError):
            raise ProcessDied(f"a computing process ended with status {self.process.wait()}") from None
        if not good:
            raise answer
        return answer

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        # Not closed here: a thread may still wait for an answer, which the end of the process gives it.


def main() -> None:
    """A computing process: the function first, then blocks, until the parent is gone."""
    connection = Connection(int(sys.argv[1]))
    try:
        function = connection.recv()
        while True:
            block = connection.recv()
            try:
                answer = (True, function(block))
            except Exception as error:
                answer = (False, error)
            connection.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
    except (EOFError, OSError):
        sys.exit(0)


if __name__ == "__main__":
    main()
