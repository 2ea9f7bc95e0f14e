"""A judge's engine in the inference environment, and how the two talk: one line of JSON a block, over a Unix socket.

In:  EngineProcess("tasks.verify.judges.local_judge_engine", LocalJudgeSpec(…), …).ask([{"messages": […], "seed": 0}])
Out: [{"text": "{\\"valid\\": true, …}", "error": null, "prompt_tokens": 512, "completion_tokens": 64}]

The engine loads its model once and answers until the other side closes. One that dies, or does not answer a block
within its time, is ended: what it still sends would answer another block. The next call starts it anew.
"""

import json
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tasks.verify.judges.canaries import JudgeUnavailable
from tasks.verify.judges.child import Child, start

Block = list[dict[str, Any]]


class EngineSpec(BaseModel):
    """What every engine is told: where to connect."""

    socket: str = ""


class EngineProcess:
    """Starts `module` with `spec` and exchanges blocks with it; thread-safe (blocks of several threads take turns)."""

    def __init__(
        self, module: str, spec: EngineSpec, env: dict[str, str], *, name: str, startup_s: float, deadline_s: float
    ) -> None:
        """`name` is what errors call it; `startup_s` and `deadline_s` are seconds to start and to answer a block."""
        self.module, self.spec, self.env, self.name = module, spec, env, name
        self.startup_s, self.deadline_s = startup_s, deadline_s
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="judge-")
        self.child: Child | None = None
        self._connection: socket.socket | None = None
        self._lines: Any = None

    def close(self) -> None:
        """End the engine."""
        with self._lock:
            self._end()
            self._folder.cleanup()

    def start(self) -> None:
        """Start the engine and wait until it has its model.

        Raises:
            JudgeUnavailable: it ended, or took longer than `startup_s`.
        """
        with self._lock:
            if self._connection is None:
                self._connect()

    def ask(self, block: Block) -> Block:
        """One answer a request, in order.

        Raises:
            OSError, ValueError: the engine gave none.
            JudgeUnavailable: it had to be started anew, and did not start.
        """
        with self._lock:
            if self._connection is None:
                self._connect()
            return self._exchange(block)

    def _exchange(self, block: Block) -> Block:
        assert self._connection is not None
        try:
            self._connection.settimeout(self.deadline_s)
            self._connection.sendall(json.dumps(block).encode() + b"\n")
            line = self._lines.readline()
            if not line:
                tail = self.child.tail(5) if self.child else ""
                raise ConnectionError(f"it ended: {tail}")
            answers: Block = json.loads(line)
            if len(answers) != len(block):
                raise ValueError(f"{len(answers)} answers to {len(block)} requests")
            return answers
        except BaseException:
            self._end()
            raise

    def _connect(self) -> None:
        folder = Path(self._folder.name)
        path = folder / "socket"
        path.unlink(missing_ok=True)
        spec = self.spec.model_copy(update={"socket": str(path)})
        (folder / "spec.json").write_text(spec.model_dump_json(), encoding="utf-8")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(path))
            listener.listen(1)
            listener.settimeout(1)
            arguments = ["-m", self.module, str(folder / "spec.json")]
            self.child = start("inference", arguments, self.env, folder / "engine.log")
            waited = 0
            while True:
                try:
                    self._connection = listener.accept()[0]
                    self._lines = self._connection.makefile("rb")
                    return
                except TimeoutError:
                    waited += 1
                    if self.child.running() and waited < self.startup_s:
                        continue
                    tail = self.child.tail()
                    self._end()
                    raise JudgeUnavailable(f"{self.name}: did not start\n{tail}") from None

    def _end(self) -> None:
        if self._connection is not None:
            self._lines.close()
            self._connection.close()
            self._connection = self._lines = None
        if self.child is not None:
            self.child.close()
            self.child = None


def answer_blocks(spec: EngineSpec, answer: Callable[[Block], Block]) -> None:
    """The engine's side: connect, and answer block after block until the other side closes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(spec.socket)
        with connection.makefile("rb") as lines:
            for line in lines:
                connection.sendall(json.dumps(answer(json.loads(line))).encode() + b"\n")
