"""The process that a warm engine is forked from: it has imported the engine's libraries, which is most of what a small
model's engine does.

    python -m tasks.runtime.engines.fork_server <control socket> <the stage's process> <seconds>

It ends when it has had no request for so many seconds.

In  (control socket): {"module": "tasks.drift.engine", "arguments": ["spec.json"], "environment": {"HF_HOME": …}} with
                      descriptors: the output's, the lifeline's, those that the supervisor holds
Out (control socket): "forked"

What it forks is the engine's supervisor (supervisor.py), which forks the engine: `main()` of `module`. Imported before
are `module` and what it and its own name in LIBRARIES. It computes nothing, and Python has one thread in it, so that
forking is safe.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.runtime.engines import supervisor

FORKED = b"forked"
REQUEST = 1 << 18  # bytes of the largest request
DESCRIPTORS = 64
# What no library reads at its import: the slot's core, the project's own variables, the name of the test that runs.
READ_LATER = ("VLLM_CPU_OMP_THREADS_BIND", "REWRITING_AGENT_", "PYTEST_CURRENT_TEST")
PR_SET_NAME = 15


def main() -> None:
    """Serve forks until nobody asks any more; in what it forks, be the engine."""
    asked = _serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]))
    sys.argv[1:] = asked["arguments"]
    if numpy := sys.modules.get("numpy"):  # Python's own generator is seeded anew by the fork
        numpy.random.seed()
    importlib.import_module(asked["module"]).main()


def _serve(control: socket.socket, parent: int, idle: float) -> dict[str, Any]:
    """Returns in an engine alone, with what was asked of it."""

    def look(*_: object) -> None:  # also within a long import
        if os.getppid() != parent:
            os._exit(0)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 1, 1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    call_process("engines' imports", "fork_server")
    control.settimeout(idle)
    while True:
        try:
            request, descriptors, _, _ = socket.recv_fds(control, REQUEST, DESCRIPTORS)
        except TimeoutError:
            request = b""
        if not request:
            os._exit(0)
        asked: dict[str, Any] = json.loads(request)
        with contextlib.suppress(Exception):  # the engine meets the same error, and has somebody to tell
            importlib.import_module(asked["module"])
            for name in _libraries(asked["module"]):
                importlib.import_module(name)
        gc.freeze()  # what is imported is shared: no collection of an engine's writes to its pages
        if os.fork() == 0:
            control.close()
            _supervise(asked, *descriptors)
            return asked
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(FORKED)


def _libraries(engine: str) -> set[str]:
    """What an engine and the project's modules that it imported name in LIBRARIES: what they import when in need."""
    ours = [module for name, module in sys.modules.items() if name == engine or name.startswith("tasks.")]
    return {name for module in ours for name in getattr(module, "LIBRARIES", ())}


def _supervise(asked: dict[str, Any], output: int, lifeline: int, *held: int) -> None:
    """Returns in the engine alone."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (signal.SIGALRM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    os.environ.clear()
    os.environ.update(asked["environment"])
    command = ["-m", asked["module"], *asked["arguments"]]
    supervisor.adopt()
    if engine := os.fork():
        call_process("supervisor.py", *command)
        os._exit(supervisor.supervise(lifeline, engine))
    supervisor.follow_parent()
    for descriptor in (lifeline, *held):
        os.close(descriptor)
    # vLLM thaws all objects as it ends, and collects: that would visit, and so copy, whatever was imported.
    gc.freeze = gc.unfreeze = lambda: None
    call_process(sys.executable, *command)


def call_process(*words: str) -> None:
    """What `ps` shows of this process from now on; as much as its own command line, padded by its caller, has room for.

    (setproctitle does the same, and is in some of the environments only.)
    """
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    shown = b"\0".join(word.encode() for word in words)[: end - start - 1]
    ctypes.memmove(start, shown.ljust(end - start, b"\0"), end - start)
    name = words[-1] if len(words) < 3 else words[2].removeprefix("tasks.")
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def padding() -> Sequence[str]:
    """Words after the others that make room for `call_process`."""
    return [" " * 2048]


if __name__ == "__main__":
    main()
