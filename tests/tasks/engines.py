"""Engines of this interpreter's environment, for tests that run inside it: forked, as their stages do it.

(By themselves: SFT's environment has no settings, which the stage's side reads.)
"""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
from pydantic import BaseModel

from tasks.runtime.engines import fork_server

ROOT = Path(__file__).resolve().parents[2]
ALWAYS = {
    "PYTHONPATH": str(ROOT),
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    "DISABLE_VERSION_CHECK": "1",  # of LLaMA-Factory
}

_servers: dict[frozenset[tuple[str, str]], socket.socket] = {}


class Running:
    """An engine under its supervisor."""

    def __init__(self, lifeline: socket.socket, arguments: list[str]) -> None:
        self._lifeline, self._arguments, self._status = lifeline, arguments, None

    @property
    def process(self) -> psutil.Process:
        """The engine's first process."""
        command = [sys.executable, "-m", *self._arguments]
        while not self.ended():
            for one in psutil.process_iter(["cmdline"]):
                if [word for word in one.info["cmdline"] or [] if word.strip()] == command:
                    return one
            time.sleep(0.01)
        raise AssertionError(f"{self._arguments}: ended by itself")

    def ended(self) -> bool:
        return bool(self._status is not None or select.select([self._lifeline], [], [], 0)[0])

    def kill(self) -> None:
        """With -9; what it started ends with it."""
        self.process.kill()
        self.wait()

    def wait(self, timeout: float = 500) -> int:
        """Its status, when none of its processes is left."""
        if self._status is None:
            with self._lifeline:
                self._lifeline.settimeout(timeout)
                self._status = int(self._lifeline.recv(100).split()[0])
        return self._status


def forked(module: str, arguments: list[str], log: Path, variables: Mapping[str, str] = ALWAYS) -> Running:
    """`main()` of `module`, started by a process that has its imports behind it; what it says is added to `log`."""
    environment = os.environ | ALWAYS | dict(variables)
    environment.pop("PYTEST_CURRENT_TEST", None)
    if (key := frozenset(environment.items())) not in _servers:
        _servers[key], theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given = [str(theirs.fileno()), str(os.getpid()), "900", *fork_server.padding()]
        command = [sys.executable, "-u", "-m", fork_server.__name__, *given]
        with theirs:
            subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()], start_new_session=True)
    request = {"module": module, "arguments": arguments, "environment": environment}
    lifeline, theirs = socket.socketpair()
    with theirs, log.open("ab") as written:
        socket.send_fds(_servers[key], [json.dumps(request).encode()], [written.fileno(), theirs.fileno()])
        assert _servers[key].recv(len(fork_server.FORKED)) == fork_server.FORKED
    return Running(lifeline, [module, *arguments])


def start(module: str, spec: BaseModel, out: Path, variables: Mapping[str, str] = ALWAYS) -> Running:
    """The engine at work, its output in `output(module, out)`."""
    path = out / "scratch" / "spec.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(spec.model_dump_json(), encoding="utf-8")
    return forked(module, [str(path)], output(module, out), variables)


def run(module: str, spec: BaseModel, out: Path, variables: Mapping[str, str] = ALWAYS) -> str:
    """Run the engine to its end; returns its output. Fails where the engine does."""
    status = start(module, spec, out, variables).wait()
    said = output(module, out).read_text(encoding="utf-8")
    assert status == 0, f"{module} ended with {status}:\n{said[-4000:]}"
    return said


def output(module: str, out: Path) -> Path:
    """What an engine said."""
    return out / "scratch" / f"{module}.log"
