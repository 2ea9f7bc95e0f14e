"""The process from which comparing processes are forked: it holds SymPy and a warm parser, so that a fork takes
milliseconds, and it is a single thread, so that forking is safe (the caller may have many).

In (control socket): {"fork": {"memory": …, "deadline": …}} with one file descriptor; {"end": pid}
Out:                 {"pid": 4711, "warm": true}; {"status": -27}      (ended by signal 27, SIGPROF: its CPU deadline)

A worker reads {"gold": …, "answer": …} lines from its socket and answers {"same": true|false|null, "reason": …}.
Its deadline is kept by the kernel: interval timers whose signals end it, whatever it is doing and whoever is dead.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Any

WALL = 3.0  # the wall-time limit of one comparison, in deadlines

# One of each form. Parsing them fills the parser's tables, which every child that is forked later starts with.
_FORMS = (
    (r"\frac{x+2}{7}", r"\frac{x}{7}+\frac{2}{7}"),
    (r"3\sqrt{13}+\pi", r"\sqrt{117}+\pi"),
    (r"2\sin b\cos a", r"\sin(a+b)-\sin(a-b)"),
    ("y=2x+1", "2x-y+1=0"),
    (r"x^{2}-2\cdot x<3", r"3>x^2-2x"),
    (r"\log_{2}(8)+\ln(e^2)+5!", r"\binom{10}{2}+80"),
    (r"a_{1}e^{-t/2}+|b|", r"|b|+a_1e^{-\frac{t}{2}}"),
    ("f(x)^3(x-1)", "(x-1)f(x)^{3}"),
    (r"\frac{-b+\sqrt{b^2-4ac}}{2a}", r"\frac{\sqrt{b^{2}-4 a c}-b}{2 a}"),
    (r"-\frac{1}{2}x^3y+4xy^2-7", r"4 x y^2-\frac{x^3 y}{2}-7"),
    (r"\sqrt[3]{\frac{2\pi}{3}}\left(1-\frac{1}{n}\right)", r"(1-\frac{1}{n})(\frac{2\pi}{3})^{1/3}"),
    (r"\cos^2\theta-\sin^2\theta", r"\cos 2\theta"),
    (r"\tan^{-1}(2)+\arctan(\frac{1}{2})", r"\frac{\pi}{2}"),
    (r"(2n-1)!+\frac{n(n+1)}{2}", r"\frac{n^2+n}{2}+(2n-1)!"),
    (r"\frac{m v_{0}^{2}}{2 g h}", r"\frac{1}{2}\frac{m v_0^2}{g h}"),
    (r"3^{2k}-2^{n+1}+10^{-3}", r"9^k-2\cdot 2^n+0.001"),
    (r"\lfloor x\rfloor+\lceil y\rceil", r"\lceil y\rceil+\lfloor x\rfloor"),
    (r"49x^2-42xy+9y^2-222x=603", r"49x^{2}-42xy+9y^{2}-222x-603=0"),
    (r"C_{1}e^{t}+C_{2}e^{-t}\cos(3t)", r"C_1e^t+C_2e^{-t}\cos 3t"),
    (r"2+3i-\sqrt{-1}", r"2+2i"),
    (r"\frac{\frac{1}{x}}{1+\frac{1}{x}}", r"\frac{1}{x+1}"),
    (r"a\ne\frac{1}{2}", r"\frac{1}{2}\ne a"),
    (r"-(\frac{3}{4})^{5}\pi r^2h", r"-\frac{243\pi r^{2} h}{1024}"),
)


def main() -> None:
    """Serve forks on the control socket (a file descriptor in the first argument) until its other end closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    parent = int(sys.argv[2])
    sys.setrecursionlimit(6000)
    from tasks.verify.answers.symbolic import symbolic_leaf

    forms = iter(_FORMS)
    symbolic_leaf(*next(forms))
    workers: set[int] = set()
    control.sendall(b'{"ready": true}\n')
    form = next(forms, None)
    while True:
        if not select.select([control], [], [], 0.0 if form else 1.0)[0]:
            if form:
                symbolic_leaf(*form)
                form = next(forms, None)
            if os.getppid() != parent:  # the parent is gone, and something it forked still holds the socket
                break
            continue
        message, fds, _, _ = socket.recv_fds(control, 65536, 1)
        if not message:
            break
        request = json.loads(message)
        if "fork" in request:
            pid = os.fork()
            if pid == 0:
                control.close()
                with contextlib.suppress(BaseException):
                    _serve(socket.socket(fileno=fds[0]), **request["fork"])
                os._exit(0)
            os.close(fds[0])
            workers.add(pid)
            control.sendall(json.dumps({"pid": pid, "warm": form is None}).encode() + b"\n")
        elif "end" in request:
            control.sendall(json.dumps({"status": _end(request["end"], workers)}).encode() + b"\n")
    for pid in workers:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    os._exit(0)


def _end(pid: int, workers: set[int]) -> int:
    """End a worker and return its exit status; it is our child, so that its id cannot have been reused."""
    if pid not in workers:
        return 0
    workers.discard(pid)
    ended, status = 0, 0
    for _ in range(20):  # give its own signal a moment to be the one that is reported
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        time.sleep(0.005)
    if not ended:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _serve(connection: socket.socket, memory: int, deadline: float) -> None:
    """Answer row by row. Ends at end of file, and by the kernel at a deadline or when the zygote dies."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: the zygote has one thread, so this is its death
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    lines = connection.makefile("rb")
    for line in lines:
        row = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, deadline)
        signal.setitimer(signal.ITIMER_REAL, deadline * WALL)
        reply, healthy = _compare(row["gold"], row["answer"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.sendall(json.dumps(reply).encode() + b"\n")
        if not healthy:
            break


def _compare(gold: str, answer: str) -> tuple[dict[str, Any], bool]:
    from tasks.verify.answers.budget import TooManyComparisons
    from tasks.verify.answers.equivalence import same_answer
    from tasks.verify.answers.parsing import Undecided
    from tasks.verify.answers.symbolic import slow_leaf

    try:
        same = same_answer(gold, answer, slow_leaf)
        return {"same": same, "reason": "compared as mathematics"}, True
    except (Undecided, TooManyComparisons) as error:
        return {"same": None, "reason": str(error)}, True
    except MemoryError:
        return {"same": None, "reason": "the comparison ran out of memory"}, False
    except RecursionError:
        return {"same": None, "reason": "nested too deeply to compare"}, True
    except Exception as error:
        return {"same": None, "reason": f"the comparison failed: {type(error).__name__}"}, True


if __name__ == "__main__":
    main()
