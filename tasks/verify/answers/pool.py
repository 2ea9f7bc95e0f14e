"""A pool of child processes that compare answers; a child that hangs or crashes costs its row, not the pool.

In:  [("\\frac{x+2}{7}", "\\frac{x}{7}+\\frac{2}{7}"), …]          (normalised reference, normalised answer)
Out: [Comparison(True, "compared as mathematics"), …]              (same=None: undecided, with the reason)

Many threads may call at once: they share the children, one row at a time each.
"""

import contextlib
import json
import os
import queue
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.verify.answers.config import ComparisonConfig
from tasks.verify.answers.zygote import WALL

_ROOT = Path(__file__).resolve().parents[3]
COLD = 25  # rows of a child that was forked before the zygote had warmed up
_START_SECONDS = 120.0  # the zygote imports SymPy; minutes only on a machine that is overloaded
_GRACE_SECONDS = 5.0  # past the wall limit, when the kernel's timer should have ended the child long ago


class PoolError(RuntimeError):
    """The comparing processes cannot be started: carries what they wrote last."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two answers are the same; None where that was not decided."""

    same: bool | None
    reason: str


class _Worker:
    """A slot of the pool: one child process, or none yet."""

    def __init__(self) -> None:
        self.connection: socket.socket | None = None
        self.pid = 0
        self.rows = 0
        self.limit = 1
        self.buffer = b""
        self.started = 0.0


class Pool:
    """Child processes forked from one zygote, started at the first row (or by `start`)."""

    def __init__(self, config: ComparisonConfig) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready = False
        self._errors: Any = None
        self._free: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._workers = [_Worker() for _ in range(config.processes)]
        for worker in self._workers:
            self._free.put(worker)

    def start(self) -> None:
        """Start the zygote without waiting for it."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        if self._zygote is not None and self._zygote.poll() is None:
            return
        self._stop()
        ours, theirs = socket.socketpair()
        path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tasks.verify.answers.zygote", str(theirs.fileno()), str(os.getpid())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # a Ctrl-C at the terminal is the caller's; the children follow its end
        )
        theirs.close()
        self._control, self._ready = ours, False

    def close(self) -> None:
        """End all child processes."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        for worker in self._workers:
            _disconnect(worker)
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._zygote is not None:
            try:
                self._zygote.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._zygote.kill()
                self._zygote.wait()
            self._zygote = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _ask(self, request: dict[str, Any], fds: Sequence[int] = ()) -> dict[str, Any]:
        """One request to the zygote, under the lock. Raises PoolError where it does not answer."""
        assert self._control is not None
        try:
            if not self._ready:
                self._control.settimeout(_START_SECONDS)
                self._ready = _line(self._control).get("ready", False)
            self._control.settimeout(30)
            socket.send_fds(self._control, [json.dumps(request).encode()], list(fds))
            return _line(self._control)
        except (OSError, ValueError) as error:
            self._errors.seek(0)
            said = self._errors.read()[-2000:].decode(errors="replace").strip()
            raise PoolError(
                f"the comparing processes do not start or answer ({error}): {said or 'no output'}"
            ) from None

    def _spawn(self, worker: _Worker) -> None:
        with self._lock:
            self._start()
            ours, theirs = socket.socketpair()
            memory = self.config.memory_mib * 2**20
            try:
                reply = self._ask(
                    {"fork": {"memory": memory, "deadline": self.config.deadline_seconds}}, [theirs.fileno()]
                )
            finally:
                theirs.close()
            worker.connection, worker.pid, worker.rows, worker.buffer = ours, int(reply["pid"]), 0, b""
            worker.limit = self.config.rows_per_process if reply["warm"] else min(COLD, self.config.rows_per_process)

    def _retire(self, worker: _Worker) -> int:
        """End the child of a slot; returns its exit status (negative: the signal)."""
        _disconnect(worker)
        with self._lock:
            if self._zygote is None or self._zygote.poll() is not None:
                return -signal.SIGKILL
            try:
                return int(self._ask({"end": worker.pid})["status"])
            except PoolError:
                return -signal.SIGKILL

    def compare(self, rows: Sequence[tuple[str, str]]) -> list[Comparison]:
        """Compare each pair; in order. Blocks until all are decided or given up."""
        results: list[Comparison | None] = [None] * len(rows)
        waiting = deque(range(len(rows)))
        retried: set[int] = set()
        busy: dict[int, tuple[_Worker, int]] = {}
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
                        reply = _read(worker)
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

    def _borrow(self, block: bool) -> _Worker | None:
        try:
            return self._free.get(block=block)
        except queue.Empty:
            return None

    def _send(self, worker: _Worker, row: tuple[str, str]) -> bool:
        try:
            if worker.connection is None:
                self._spawn(worker)
        except BaseException:
            self._free.put(worker)
            raise
        assert worker.connection is not None
        try:
            worker.connection.sendall(json.dumps({"gold": row[0], "answer": row[1]}).encode() + b"\n")
        except OSError:
            return False
        worker.rows += 1
        worker.started = time.monotonic()
        return True

    def _cause(self, status: int) -> str:
        if -status in (signal.SIGPROF, signal.SIGALRM):
            return f"no decision within {self.config.deadline_seconds:g} s"
        if status < 0:
            return f"the comparison was ended by {signal.Signals(-status).name}"
        return "the comparison crashed"


def _disconnect(worker: _Worker) -> None:
    if worker.connection is not None:
        with contextlib.suppress(OSError):
            worker.connection.close()
        worker.connection = None


def _line(connection: socket.socket) -> dict[str, Any]:
    data = b""
    while not data.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            raise OSError("it ended")
        data += part
    reply: dict[str, Any] = json.loads(data)
    return reply


def _read(worker: _Worker) -> str | None:
    """A whole reply, "" where more is to come, None where the child is gone."""
    assert worker.connection is not None
    try:
        part = worker.connection.recv(65536)
    except OSError:
        part = b""
    if not part:
        return None
    worker.buffer += part
    if not worker.buffer.endswith(b"\n"):
        return ""
    reply, worker.buffer = worker.buffer.decode(), b""
    return reply
