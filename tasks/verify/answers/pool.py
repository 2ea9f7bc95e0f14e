"""A pool of child processes that compare answers; a child that hangs or crashes costs its row, not the pool.

In:  [("\\frac{x+2}{7}", "\\frac{x}{7}+\\frac{2}{7}"), …]          (normalised reference, normalised answer)
Out: [Comparison(True, "compared as mathematics"), …]              (same=None: undecided, with the reason)

Many threads may call at once: they share the children, one row at a time each.
"""

import json
import queue
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.verify.answers.config import ComparisonConfig
from tasks.verify.answers.worker import Worker
from tasks.verify.answers.zygote import WALL
from tasks.verify.answers.zygote_process import PoolError, ZygoteProcess

COLD = 25  # rows of a child that was forked before the zygote had warmed up
_GRACE_SECONDS = 5.0  # past the wall limit, when the kernel's timer should have ended the child long ago


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two answers are the same; None where that was not decided."""

    same: bool | None
    reason: str


class Pool:
    """Child processes forked from one zygote, started at the first row (or by `start`)."""

    def __init__(self, config: ComparisonConfig) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._zygote = ZygoteProcess()
        self._free: queue.LifoQueue[Worker] = queue.LifoQueue()
        self._workers = [Worker() for _ in range(config.processes)]
        for worker in self._workers:
            self._free.put(worker)

    def start(self) -> None:
        """Start the zygote without waiting for it."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        if not self._zygote.alive():
            self._stop()
            self._zygote.start()

    def close(self) -> None:
        """End all child processes."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        for worker in self._workers:
            worker.disconnect()
        self._zygote.stop()

    def _spawn(self, worker: Worker) -> None:
        with self._lock:
            self._start()
            ours, theirs = socket.socketpair()
            try:
                pid, warm = self._zygote.fork(theirs, self.config.memory_mib * 2**20, self.config.deadline_seconds)
            finally:
                theirs.close()
            worker.connect(ours, pid, self.config.rows_per_process if warm else min(COLD, self.config.rows_per_process))

    def _retire(self, worker: Worker) -> int:
        """End the child of a slot; returns its exit status (negative: the signal)."""
        worker.disconnect()
        with self._lock:
            if not self._zygote.alive():
                return -signal.SIGKILL
            try:
                return self._zygote.end(worker.pid)
            except PoolError:
                return -signal.SIGKILL

    def compare(self, rows: Sequence[tuple[str, str]]) -> list[Comparison]:
        """Compare each pair; in order. Blocks until all are decided or given up."""
        results: list[Comparison | None] = [None] * len(rows)
        waiting = deque(range(len(rows)))
        retried: set[int] = set()
        busy: dict[int, tuple[Worker, int]] = {}
        selector = selectors.DefaultSelector()
        try:
            while waiting or busy:
                while waiting and (worker := self._borrow(block=not busy)) is not None:
                    position = waiting.popleft()
                    if self._send(worker, rows[position]):
                        assert worker.connection is not None
                        busy[worker.connection.fileno()] = (worker, position)
                        selector.register(worker.connection, selectors.EVENT_READ)
                    else:  # it died while idle: the row is not to blame
                        self._retire(worker)
                        self._free.put(worker)
                        waiting.appendleft(position)
                ready = {key.fd for key, _ in selector.select(timeout=0.5)}
                for fd in list(busy):
                    worker, position = busy[fd]
                    if fd in ready:
                        reply = worker.read()
                        if reply == "":
                            continue
                    elif time.monotonic() - worker.started > self.config.deadline_seconds * WALL + _GRACE_SECONDS:
                        reply = None
                    else:
                        continue
                    assert worker.connection is not None
                    selector.unregister(worker.connection)
                    del busy[fd]
                    if reply is None:
                        status = self._retire(worker)
                        if -status == signal.SIGKILL and position not in retried:  # the zygote died, or the kernel's
                            retried.add(position)  # memory killer struck: perhaps not this row's doing
                            waiting.append(position)
                        else:
                            results[position] = Comparison(None, self._cause(status))
                    else:
                        answer = json.loads(reply)
                        results[position] = Comparison(answer["same"], answer["reason"])
                        if worker.rows >= worker.limit:
                            self._retire(worker)
                    self._free.put(worker)
        finally:
            for worker, _ in busy.values():
                self._retire(worker)
                self._free.put(worker)
            selector.close()
        return [result if result is not None else Comparison(None, "not compared") for result in results]

    def _borrow(self, block: bool) -> Worker | None:
        try:
            return self._free.get(block=block)
        except queue.Empty:
            return None

    def _send(self, worker: Worker, row: tuple[str, str]) -> bool:
        try:
            if worker.connection is None:
                self._spawn(worker)
        except BaseException:
            self._free.put(worker)
            raise
        return worker.send(row)

    def _cause(self, status: int) -> str:
        if -status in (signal.SIGPROF, signal.SIGALRM):
            return f"no decision within {self.config.deadline_seconds:g} s"
        if status < 0:
            return f"the comparison was ended by {signal.Signals(-status).name}"
        return "the comparison crashed"
