"""A judge in an engine of the inference environment: a model of this machine, without a server.

In:  JudgeItem(id="gsm8k/3f2a", question="Natalia sold …", gold="…", solution="48/2 = 24, 48 + 24 = 72. \\boxed{72}")
Out: ReasoningVerdict(valid=True, first_wrong_step=None, reason="every step follows", judge="local/…")

The engine (local_judge_engine.py) loads the model once and answers block after block over a Unix socket.
Blocks run one after another: for batches, as at assembly. Beside GRPO a served model (kind openai) overlaps better.
"""

import json
import socket
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tasks.runtime.settings import settings
from tasks.verify.judges.canaries import CANARIES, JudgeUnavailable, require_verdicts
from tasks.verify.judges.child import Child, device_environment, start
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.judge_prompt import ReplyError, messages, read_reply
from tasks.verify.judges.local_judge_engine import LocalJudgeSpec
from tasks.verify.judges.votes import Vote, decide, wanted
from tasks.verify.types import JudgeItem, ReasoningVerdict, Usage


class LocalJudge:
    """Asks a local model; thread-safe (blocks of several threads take turns). A context manager.

    An engine that dies or does not answer a block within `deadline_s` is ended, the block's rows have no verdict, and
    the next call starts it anew.
    """

    def __init__(self, config: JudgeConfig) -> None:
        self.config, self.name = config, config.model_identity()
        self.usage = Usage()
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="judge-")
        self._child: Child | None = None
        self._connection: socket.socket | None = None
        self._lines: Any = None

    def __enter__(self) -> "LocalJudge":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the engine."""
        with self._lock:
            self._end()
            self._folder.cleanup()

    def judge(self, items: Sequence[JudgeItem]) -> list[ReasoningVerdict]:
        """One verdict an item, in order."""
        votes = self.config.votes
        given: list[list[Vote]] = [[] for _ in items]
        failures: list[list[str]] = [[] for _ in items]
        asked = [0] * len(items)
        while True:
            calls = []
            for at in range(len(items)):
                number = wanted(given[at], asked[at], votes)
                calls += [(at, asked[at] + more) for more in range(number)]
                asked[at] += number
            if not calls:
                break
            for start_at in range(0, len(calls), self.config.concurrency):
                block = calls[start_at : start_at + self.config.concurrency]
                for (at, _), reply in zip(block, self._ask([(items[at], vote) for at, vote in block]), strict=True):
                    if isinstance(reply, str):
                        failures[at].append(reply)
                    else:
                        given[at].append(reply)
        return [decide(given[at], failures[at], votes, self.name) for at in range(len(items))]

    def check(self) -> None:
        """Start the engine and ask it for a verdict.

        Raises:
            JudgeUnavailable: it does not start, or gives none.
        """
        with self._lock:
            self._connect()
        require_verdicts(self.judge(CANARIES), f"local judge {self.config.model}")

    def _ask(self, calls: Sequence[tuple[JudgeItem, int]]) -> list[Vote | str]:
        request = [{"messages": messages(item, vote), "seed": 1000 * vote} for item, vote in calls]
        try:
            with self._lock:
                if self._connection is None:
                    self._connect()
                answers = self._exchange(request)
        except (OSError, ValueError, JudgeUnavailable) as error:
            return [f"the engine gave no answer: {error}"] * len(calls)
        votes: list[Vote | str] = []
        for answer in answers:
            self.usage.calls += 1
            self.usage.prompt_tokens += answer["prompt_tokens"]
            self.usage.completion_tokens += answer["completion_tokens"]
            try:
                votes.append(answer["error"] if answer["text"] is None else read_reply(answer["text"]))
            except ReplyError as error:
                votes.append(str(error))
        return votes

    def _exchange(self, request: list[dict[str, Any]]) -> list[dict[str, Any]]:
        assert self._connection is not None
        try:
            self._connection.settimeout(self.config.deadline_s)
            self._connection.sendall(json.dumps(request).encode() + b"\n")
            line = self._lines.readline()
            if not line:
                tail = self._child.tail(5) if self._child else ""
                raise ConnectionError(f"it ended: {tail}")
            answers: list[dict[str, Any]] = json.loads(line)
            if len(answers) != len(request):
                raise ValueError(f"{len(answers)} answers to {len(request)} requests")
            return answers
        except BaseException:
            self._end()  # what it still sends would answer another block
            raise

    def _connect(self) -> None:
        path = Path(self._folder.name) / "socket"
        path.unlink(missing_ok=True)
        config = self.config
        spec = LocalJudgeSpec(
            model=config.model,
            revision=config.revision,
            backend=config.backend,
            socket=str(path),
            cuda=settings().cuda(),
            context=config.context,
            sequences=config.concurrency,
            tensor_parallel=config.tensor_parallel,
            temperature=config.sampling_temperature,
            max_tokens=config.max_tokens,
        )
        spec_path = Path(self._folder.name) / "spec.json"
        spec_path.write_text(spec.model_dump_json(), encoding="utf-8")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(path))
            listener.listen(1)
            listener.settimeout(1)
            log = Path(self._folder.name) / "engine.log"
            env = device_environment(config.model, config.gpus) | {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
            self._child = start("inference", ["-m", "tasks.verify.judges.local_judge_engine", str(spec_path)], env, log)
            waited = 0
            while True:
                try:
                    self._connection = listener.accept()[0]
                    self._lines = self._connection.makefile("rb")
                    return
                except TimeoutError:
                    waited += 1
                    if self._child.running() and waited < config.startup_s:
                        continue
                    tail = self._child.tail()
                    self._end()
                    raise JudgeUnavailable(f"local judge {config.model}: did not start\n{tail}") from None

    def _end(self) -> None:
        if self._connection is not None:
            self._lines.close()
            self._connection.close()
            self._connection = self._lines = None
        if self._child is not None:
            self._child.close()
            self._child = None
