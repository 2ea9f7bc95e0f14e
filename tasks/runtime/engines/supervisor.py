"""Runs one engine and lets none of its processes outlive the stage that asked for it.

    python supervisor.py <lifeline> <command> …

`lifeline` is one end of a pair of sockets whose other end the stage holds. The supervisor is a *subreaper*: descendants
that lose their parent, also those in sessions of their own (torchrun's ranks, Ray, vLLM's workers), become its
children, so it can find them all. It ends with the command's exit status, after it has killed whatever the command
left behind; when the lifeline closes, because the stage cancelled, timed out or was itself killed with -9, it kills
everything at once. A parent-death signal alone does neither: it follows the spawning *thread* and reaches the direct
child only.

The lifeline's other direction tells the stage, when all are gone, the exit status and the bytes that the largest of
the engine's processes held at once: `0 1288490188`.

Standard library only, and started in a session of its own: it must survive what kills the stage.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE = 3.0  # seconds between SIGTERM and SIGKILL

_libc = ctypes.CDLL(None, use_errno=True)


def descendants(root: int) -> list[int]:
    """Processes below `root`, zombies left out, from one reading of /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The command's name may hold blanks and parentheses: split after the last ')'.
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state != "Z":
            parents[int(entry.name)] = int(parent)
    found: list[int] = []
    frontier = {root}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier}
        found.extend(frontier)
    return found


def kill_all() -> None:
    """Kill every descendant: SIGTERM, then after GRACE seconds SIGKILL until none is left."""
    started, sent = time.monotonic(), set()
    while alive := descendants(os.getpid()):
        late = time.monotonic() - started > GRACE
        for pid in alive:
            if late or pid not in sent:
                sent.add(pid)
                try:
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
                except ProcessLookupError:
                    continue
        reap()
        time.sleep(0.05)
    reap()


def reap() -> None:
    """Collect children that have ended, adopted ones included."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def peak_bytes() -> int:
    """Most memory that a process below this one held at once, of those that have ended."""
    return 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def adopt() -> None:
    """Descendants of this process that lose their parent become its children."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def follow_parent() -> None:
    """In a child: it is killed when its parent is (which has one thread; it is the thread that is followed)."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def supervise(lifeline: int, first: int) -> int:
    """Wait for the child with the number `first`, leave no process that it started, and tell how it ended."""
    exited = os.pidfd_open(first)
    ready, _, _ = select.select([lifeline, exited], [], [])
    status = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) if exited in ready else -signal.SIGTERM
    status = status if status >= 0 else 128 - status
    kill_all()
    with contextlib.suppress(OSError):  # the stage may be gone
        os.write(lifeline, f"{status} {peak_bytes()}".encode())
    return status


def main() -> int:
    lifeline, command = int(sys.argv[1]), sys.argv[2:]
    adopt()
    # A supervisor that is killed itself takes at least the engine's first process with it.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=follow_parent)
    return supervise(lifeline, child.pid)


if __name__ == "__main__":
    sys.exit(main())
