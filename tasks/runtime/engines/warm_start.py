"""Starts engines from processes that hold their imports (fork_server.py), where that is safe: on CPU cores.

    forked(python, "tasks.drift.engine", ["spec.json"], {"OMP_NUM_THREADS": "2", …}, [output, lifeline])

Of nano's engines nine tenths were imports. On GPUs engines start as processes of their own, as ever: some libraries ask
the driver at import what there is, and what a process knows of CUDA is of no use in its forks; there the imports are
seconds of an hour.

One server is kept for each environment and its variables, for libraries read many of them when they are imported; the
least recently used ends when there are MOST, and who is not asked for IDLE seconds. All end with this process.
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.runtime import stopping
from tasks.runtime.engines import fork_server
from tasks.runtime.settings import ROOT, settings

ENVIRONMENTS = ("inference", "sft")  # not verl's: its driver starts Ray, whose gRPC does not survive a fork
MOST = 4  # servers at once, each some 0.7 GiB that it shares with what it forks
IDLE = 900.0


def forks(environment: str) -> bool:
    """Whether engines of this environment are forked here."""
    return settings().fork_engines and not settings().cuda() and environment in ENVIRONMENTS


def forked(
    python: Path, module: str, arguments: Sequence[str], variables: Mapping[str, str], descriptors: Sequence[int]
) -> bool:
    """Whether the engine was forked, under a supervisor; if not, nothing was started.

    Args:
        variables: all of its environment variables.
        descriptors: where its output goes, the supervisor's end of its lifeline, and what the supervisor holds.

    Raises:
        Stopped: the run is being ended.
    """
    request = json.dumps({"module": module, "arguments": list(arguments), "environment": dict(variables)}).encode()
    if len(request) > fork_server.REQUEST or len(descriptors) > fork_server.DESCRIPTORS:
        return False
    key = (python, frozenset(one for one in variables.items() if not one[0].startswith(fork_server.READ_LATER)))
    with _lock:
        server = _servers.pop(key, None)
        if server is None or server.ended():
            server = _Server(python, variables)
        _servers[key] = server
        while len(_servers) > MOST:
            _servers.popitem(last=False)[1].end()
    started = False
    try:
        started = server.fork(request, descriptors)
    finally:
        if not started:
            with _lock:
                if _servers.get(key) is server:
                    del _servers[key]
            server.end()
    return started


class _Server:
    def __init__(self, python: Path, variables: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._one_asks = threading.Lock()
        given = [str(theirs.fileno()), str(os.getpid()), str(IDLE)]
        with theirs:
            self._process = subprocess.Popen(
                [python, "-u", "-m", fork_server.__name__, *given, *fork_server.padding()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
                env=variables,
                start_new_session=True,  # a Ctrl-C at the terminal is the caller's
                pass_fds=(theirs.fileno(),),
            )

    def ended(self) -> bool:
        return self._process.poll() is not None

    def fork(self, request: bytes, descriptors: Sequence[int]) -> bool:
        """Whether it did. Raises Stopped."""
        with self._one_asks:
            try:
                socket.send_fds(self._control, [request], descriptors)
                while not select.select([self._control], [], [], 0.5)[0]:  # while it imports
                    stopping.check()
                return self._control.recv(len(fork_server.FORKED)) == fork_server.FORKED
            except (OSError, ValueError):  # it died, or was ended
                return False

    def end(self) -> None:
        """It ends when it has done what it was asked; what it forked goes on."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        threading.Thread(target=self._process.wait, daemon=True).start()  # it may still import


_servers: OrderedDict[tuple[Path, frozenset[tuple[str, str]]], _Server] = OrderedDict()
_lock = threading.Lock()
