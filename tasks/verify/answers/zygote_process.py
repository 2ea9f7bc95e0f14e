"""The zygote as its caller sees it: a process that is started, asked, and ended with all children that it forked.

In:  fork(connection, memory=2**30, deadline=4.0)
Out: (4711, True)     the child's process id, and whether the zygote's parser was warm; the child reads the connection
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[3]
_START_SECONDS = 120.0  # the zygote imports SymPy; minutes only on a machine that is overloaded


class PoolError(RuntimeError):
    """The comparing processes cannot be started: carries what they wrote last."""


class ZygoteProcess:
    """One zygote (zygote.py), or none yet. Not thread-safe: whoever shares it holds a lock."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready = False
        self._errors: Any = None

    def alive(self) -> bool:
        """Whether it was started and runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it without waiting for it."""
        ours, theirs = socket.socketpair()
        path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tasks.verify.answers.zygote", str(theirs.fileno()), str(os.getpid())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env=os.environ
            | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            | {"PYTHONDONTWRITEBYTECODE": ""},  # else each compiles sympy again, which takes five times as long
            start_new_session=True,  # a Ctrl-C at the terminal is the caller's; the children follow its end
        )
        theirs.close()
        self._control, self._ready = ours, False

    def stop(self) -> None:
        """End it, where it runs."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def fork(self, connection: socket.socket, memory: int, deadline: float) -> tuple[int, bool]:
        """A child that reads `connection`: its process id, and whether the zygote was warm. Raises PoolError.

        Args:
            memory: bytes that it may take.
            deadline: CPU seconds of one comparison.
        """
        reply = self._ask({"fork": {"memory": memory, "deadline": deadline}}, [connection.fileno()])
        return int(reply["pid"]), bool(reply["warm"])

    def end(self, pid: int) -> int:
        """End a child; its exit status (negative: the signal). Raises PoolError."""
        return int(self._ask({"end": pid})["status"])

    def _ask(self, request: dict[str, Any], fds: Sequence[int] = ()) -> dict[str, Any]:
        """One request and its reply. Raises PoolError where there is none."""
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


def _line(connection: socket.socket) -> dict[str, Any]:
    data = b""
    while not data.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            raise OSError("it ended")
        data += part
    reply: dict[str, Any] = json.loads(data)
    return reply
