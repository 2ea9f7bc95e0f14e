"""Runs a solution against its tests within walls, and says how it went; refuses where the walls cannot be had.

In:  run("def add(a, b):\\n    return a + b", "assert add(1, 2) == 3", Limits(seconds=10, memory_mib=512))
Out: Ran("passed", "")          or Ran("failed", "AssertionError: assert add(1, 2) == 3"), Ran("late", …)
"""

import json
import os
import secrets
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

HERE = Path(__file__).resolve().parent
PROCESSES = 8  # of one sandbox, threads counted: each may take the memory that is allowed
DISK = 16 << 20  # bytes of its folder, and of a file in it
LONGEST = 1 << 16  # bytes that are read of what it says
WALL = 3  # times the CPU's seconds, for a machine that is busy
START_SECONDS = 60.0  # for the walls and Python itself


class SandboxUnavailable(RuntimeError):
    """This machine gives no isolation; says what it lacks and what to do."""


@dataclass(frozen=True)
class Limits:
    """Of one run: CPU seconds, and memory of one process."""

    seconds: float
    memory_mib: int


@dataclass(frozen=True)
class Ran:
    """`ended`: the process was gone before its tests were through. `late`: no end within the wall time."""

    outcome: Literal["passed", "failed", "ended", "late"]
    reason: str


def run(solution: str, tests: str, limits: Limits) -> Ran:
    """Run the solution's lines, then those of its tests, each function `test_…` of theirs called.

    Raises:
        SandboxUnavailable: the kernel gives no namespaces of its own, or Python cannot be started in them.
    """
    for text in (solution, tests):
        if "\0" in text:
            return Ran("failed", "a zero byte is no Python")
    to_runner, from_runner = os.pipe(), os.pipe()
    told = {
        "channels": [to_runner[0], from_runner[1]],
        "runner": str(HERE / "runner.py"),
        "memory": limits.memory_mib << 20,
        "seconds": max(1, round(limits.seconds)),
        "processes": PROCESSES,
        "disk": DISK,
    }
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(HERE / "namespaces.py"), json.dumps(told)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        pass_fds=(to_runner[0], from_runner[1]),
        start_new_session=True,
    )
    os.close(to_runner[0])
    os.close(from_runner[1])
    try:
        with os.fdopen(to_runner[1], "wb", buffering=0) as out, os.fdopen(from_runner[0], "rb", buffering=0) as answers:
            return _talk(process, _Lines(answers.fileno()), out, solution, tests, limits)
    finally:
        process.kill()  # with it the first process of the namespace, and with that one all others
        process.wait()


def _talk(
    process: subprocess.Popen[bytes], heard: "_Lines", out: Any, solution: str, tests: str, limits: Limits
) -> Ran:
    first = heard.line(time.monotonic() + START_SECONDS)
    if first != b'"ready"':
        said = (first or b"no answer").decode(errors="replace")
        raise SandboxUnavailable(
            f"code cannot be run apart from everything here: {said}. It takes Linux with namespaces: as a user who may "
            "make user namespaces (sysctl kernel.unprivileged_userns_clone=1, or "
            "kernel.apparmor_restrict_unprivileged_userns=0), or in a container with --cap-add SYS_ADMIN"
        )
    deadline, word = time.monotonic() + WALL * limits.seconds + 5, secrets.token_hex(16)
    for sent in ({"solution": solution}, {"tests": tests, "word": word}):
        try:
            out.write((json.dumps(sent) + "\n").encode())
        except BrokenPipeError:
            return _gone(process, limits)
        line = heard.line(deadline)
        if line is None:
            return Ran("late", f"no end within {WALL * limits.seconds + 5:g} s")
        if not line:
            return _gone(process, limits)
        answer = _read(line)
        if "failed" in answer:
            return Ran("failed", str(answer["failed"])[:300])
        if "tests" in sent and answer.get("word") == word:
            return Ran("passed", "")
        if "solution" in sent and answer.get("loaded") is not True:
            break
    return Ran("ended", "it said something else than its tests would")


def _gone(process: subprocess.Popen[bytes], limits: Limits) -> Ran:
    code = process.wait()
    if code & 0xFF in (-9 & 0xFF, -24 & 0xFF):  # RLIMIT_CPU's signals
        return Ran("ended", f"stopped after {limits.seconds:g} s of the CPU")
    return Ran("ended", f"it ended before its tests did (with {code if code < 128 else code - 256})")


def _read(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


class _Lines:
    """Lines of a pipe: None where the deadline passes first, b"" where it ended."""

    def __init__(self, fd: int) -> None:
        self._fd, self._held = fd, b""

    def line(self, deadline: float) -> bytes | None:
        while b"\n" not in self._held:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._fd], [], [], left)[0]:
                return None
            read = os.read(self._fd, LONGEST)
            if not read or len(self._held) > LONGEST:
                return b""
            self._held += read
        line, _, self._held = self._held.partition(b"\n")
        return line
