"""Work is dealt to worker processes as they ask for it: none waits for a share that was dealt before.

    workers = Workers("tasks.score.engine", [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}])
    for key, answer in workers.deal([[("a/1", [1, 7, 42]), ("a/2", [1, 7, 42])], …]): ...      # as they are answered

    if (hand := own_hand()) is not None:      # in the engine's main(): this process is a worker
        hand.work_off(score)

A worker runs the engine's own module with the same spec. It is another interpreter, for libraries read which device
they have when they are imported; on cores it is a fork where the engine was forked itself (fork_server.py). It asks for
as many pieces as it works on at once, and each answer asks for another one. Pieces of one group stay together. What a
killed worker had goes to the others; one that fails ends all.
"""

import multiprocessing
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from tasks.runtime.engines import fork_server

OWN = "DEALT_BY"  # environment variable: this process is a worker, and the descriptor of its connection
PATIENCE = 30.0  # seconds that a worker has to end itself

Piece = tuple[Any, Any]  # its key, and what is to be done


class Hand:
    """A worker's end: what was dealt to it, and the way back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dealt: SimpleQueue[Sequence[Piece] | None] = SimpleQueue()
        self._left = 0  # pieces without an answer
        # What comes is read at once: two ends that both write while nobody reads would wait for each other.
        Thread(target=self._receive, daemon=True).start()

    def ask(self, pieces: int) -> None:
        """Ask for so many pieces; each answer asks for one more."""
        with suppress(OSError):  # all was done before this worker was up: `more` will see
            self._connection.send((pieces, []))

    def more(self) -> list[Piece]:
        """What was dealt meanwhile; waits where nothing is left to work on. Empty there: nothing more will come."""
        found: list[Piece] = []
        while not self._dealt.empty() or not (found or self._left):
            if (group := self._dealt.get()) is None:
                self._dealt.put(None)
                break
            found += group
        self._left += len(found)
        return found

    def answer(self, key: Any, answer: Any) -> None:
        """Give a piece back."""
        self._left -= 1
        self._connection.send((1, [(key, answer)]))

    def work_off(self, work: Callable[[Any], Any]) -> None:
        """Answer one piece after the other until nothing more comes."""
        self.ask(1)
        while dealt := self.more():
            for key, piece in dealt:
                self.answer(key, work(piece))

    def _receive(self) -> None:
        try:
            while True:
                self._dealt.put(self._connection.recv())
        except (EOFError, OSError):
            self._dealt.put(None)


def own_hand() -> Hand | None:
    """This process's end, where it is a worker; its own children do not get it."""
    if OWN not in os.environ:
        return None
    descriptor = int(os.environ[OWN])
    os.set_inheritable(descriptor, False)
    return Hand(Connection(descriptor))


class _Forked:
    """Has of a `subprocess.Popen` what the dealer asks of one."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._process = multiprocessing.get_context("fork").Process(target=work, daemon=True)  # ended with this one
        self._process.start()
        self.pid, self.kill = self._process.pid, self._process.kill

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (status := self.poll()) is None:
            raise subprocess.TimeoutExpired("a forked worker", timeout or 0)
        return status


@dataclass
class _Worker:
    """The dealer's end of one worker."""

    process: "subprocess.Popen[bytes] | _Forked"
    connection: Connection
    places: int = 0  # pieces that it asked for and did not get
    held: dict[Any, Any] = field(default_factory=dict)  # what it has not answered

    def deal(self, group: Sequence[Piece]) -> None:
        self.held |= dict(group)
        self.places -= len(group)
        with suppress(OSError):  # it is dead: whoever receives from it will see
            self.connection.send(group)

    def receive(self) -> list[Piece] | None:
        """Its answers; None where it is dead, also where a child of its own has the connection open still."""
        if self.process.poll() is not None and not self.connection.poll():
            return None
        try:
            places, answers = self.connection.recv()
        except (EOFError, OSError):
            return None
        self.places += places
        for key, _ in answers:
            del self.held[key]
        return answers  # type: ignore[no-any-return]


class Workers:
    """Processes of the engine `module`, each with its own `variables` added to the environment."""

    def __init__(self, module: str, variables: Sequence[Mapping[str, str]]) -> None:
        self.module, self.variables = module, variables
        self._living: list[_Worker] = []

    def deal(self, work: Iterable[Sequence[Piece]]) -> Iterator[Piece]:
        """The answer to each piece, as they come. Workers are started at the first deal, no more than there are groups.

        Nobody holds more than his share of what is unanswered: who is up first leaves the others theirs, and at the end
        none sits on pieces that another has room for.

        Raises:
            SystemExit: a worker failed, or all of them were killed.
        """
        left = deque(work)
        unanswered = sum(map(len, left))
        if left and not self._living:
            for own in self.variables[: len(left)]:
                self._living.append(self._start(own))
        try:
            while unanswered:
                share = -(-unanswered // len(self._living))
                for worker in self._living:
                    while left and worker.places > 0 and len(worker.held) < share:
                        worker.deal(left.popleft())
                for worker in self._heard_from():
                    if (answers := worker.receive()) is None:
                        left.appendleft(self._bury(worker))
                        continue
                    unanswered -= len(answers)
                    yield from answers
        except BaseException:
            self._kill()
            raise

    def close(self) -> None:
        """Let the workers end."""
        for worker in self._living:
            worker.connection.close()
        for worker in self._living:
            try:
                worker.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                worker.process.kill()
        self._living = []

    def _start(self, own: Mapping[str, str]) -> _Worker:
        ours, theirs = Pipe()
        with theirs:
            variables = {**own, OWN: str(theirs.fileno())}
            if not self._forks(own):
                command = [sys.executable, "-u", "-m", self.module, *sys.argv[1:]]
                return _Worker(subprocess.Popen(command, env=os.environ | variables, pass_fds=[theirs.fileno()]), ours)

            def work() -> None:
                for connection in (ours, *(worker.connection for worker in self._living)):
                    connection.close()  # else another worker would not see when the dealer closes it
                os.environ.update(variables)
                sys.modules[self.module].main()

            return _Worker(_Forked(work), ours)

    def _forks(self, own: Mapping[str, str]) -> bool:
        """Whether a fork of this process would do: one thread, and the module imported with these variables."""
        differ = [name for name, value in own.items() if os.environ.get(name) != value]
        threads = len(list(Path("/proc/self/task").iterdir()))
        imported = self.module in sys.modules and all(name.startswith(fork_server.READ_LATER) for name in differ)
        return imported and threads == 1

    def _heard_from(self) -> list[_Worker]:
        ready = wait([worker.connection for worker in self._living], timeout=1)
        return [one for one in self._living if one.connection in ready or one.process.poll() is not None]

    def _bury(self, worker: _Worker) -> list[Piece]:
        """What a dead worker had. Raises SystemExit: it failed, or was the last."""
        status = worker.process.wait()
        self._living.remove(worker)
        if status >= 0:
            sys.exit(f"a worker of {self.module} ended with {status}: its output is above")
        print(f"a worker of {self.module} was killed by signal {-status}: {len(self._living)} are left", flush=True)
        if not self._living:
            sys.exit(128 - status)
        return list(worker.held.items())

    def _kill(self) -> None:
        for worker in self._living:
            worker.process.kill()
            worker.process.wait()
        self._living = []


def several(module: str, variables: Sequence[Mapping[str, str]]) -> Workers | None:
    """The workers of a stage that has several engines; the only one of a stage computes where the work is."""
    return Workers(module, variables) if len(variables) > 1 else None


def answered(work: Iterable[Sequence[Piece]], answer: Callable[[Any], Any], workers: Workers | None) -> Iterator[Piece]:
    """The answer to each piece: by workers where there are any, else here, one after the other."""
    if workers is not None:
        return workers.deal(work)
    return ((key, answer(piece)) for group in work for key, piece in group)
