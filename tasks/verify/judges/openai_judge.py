"""A judge behind an OpenAI-compatible endpoint: vllm serve, SGLang, or a hosted model.

In:  JudgeItem(id="gsm8k/3f2a", question="Natalia sold …", gold="…", solution="48/2 = 24, 48 + 24 = 72. \\boxed{72}")
Out: ReasoningVerdict(valid=True, first_wrong_step=None, reason="every step follows", judge="openai/…"), or
     ReasoningVerdict(valid=None, …, reason="no verdict within 120 s; last: HTTP 503 …") where none could be had

One event loop in a thread of its own serves any number of calling threads. A failed call is tried again until the
row's deadline; then the row has no verdict, which is not 'invalid'.
"""

import asyncio
import json
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from itertools import count
from typing import Any, TypeVar

import httpx

from tasks.verify.judges.canaries import CANARIES, JudgeUnavailable, require_verdicts
from tasks.verify.judges.chat import CallFailed, Chat, Endpoint, detail
from tasks.verify.judges.judge_prompt import ReplyError, messages, read_reply
from tasks.verify.judges.pacing import backoff
from tasks.verify.judges.votes import Vote, decide, wanted
from tasks.verify.types import JudgeItem, ReasoningVerdict

T = TypeVar("T")

FATAL_SECONDS = 15.0  # for which a refusal of every row is believed, before the service is asked again
REPLIES = 4  # replies without a readable verdict, after which a vote is given up


class OpenAIJudge:
    """Asks `votes` times a row and takes the strict majority; thread-safe. A context manager.

    Odd votes see the candidate before the reference. A row whose votes give no majority of `votes` has no verdict.
    """

    def __init__(self, endpoint: Endpoint, name: str, rubric: str | None = None) -> None:
        self.endpoint, self.name, self.rubric = endpoint, name, rubric
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="judge", daemon=True)
        self._thread.start()
        # Of all callers together: verl's gate asks for one candidate at a time, from many threads.
        self._fatal: tuple[float, str] | None = None  # when no row could succeed, and why
        self._silence: tuple[float, float] | None = None  # from when till when calls went unanswered
        self._chat = self._run(self._open())
        self.usage = self._chat.usage

    def __enter__(self) -> "OpenAIJudge":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and end the thread."""
        if self._thread.is_alive():
            self._run(self._chat.client.aclose())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def judge(self, items: Sequence[JudgeItem]) -> list[ReasoningVerdict]:
        """One verdict an item, in order."""
        return self._run(self._judge_all(items)) if items else []

    def check(self, patience: float) -> None:
        """Wait up to `patience` seconds until the service answers, serves the model and gives a verdict.

        Raises:
            JudgeUnavailable: it did not.
        """
        self._run(self._check(patience))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _open(self) -> Chat:
        return Chat(self.endpoint)  # in the loop it will be used in

    async def _judge_all(self, items: Sequence[JudgeItem]) -> list[ReasoningVerdict]:
        verdicts: list[ReasoningVerdict | None] = [None] * len(items)
        queue = iter(enumerate(items))

        async def worker(queue: Iterator[tuple[int, JudgeItem]]) -> None:
            for at, item in queue:
                verdicts[at] = await self._judge_one(item)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.endpoint.concurrency, len(items))):
                group.create_task(worker(queue))
        return [verdict for verdict in verdicts if verdict is not None]

    async def _judge_one(self, item: JudgeItem) -> ReasoningVerdict:
        votes = self.endpoint.votes
        given: list[Vote] = []
        failures: list[str] = []
        asked = 0
        while number := wanted(given, asked, votes):
            replies = await asyncio.gather(*(self._vote(item, vote) for vote in range(asked, asked + number)))
            asked += number
            given += [reply for reply in replies if not isinstance(reply, str)]
            failures += [reply for reply in replies if isinstance(reply, str)]
        return decide(given, failures, votes, self.name)

    async def _vote(self, item: JudgeItem, vote: int) -> Vote | str:
        """One vote, or why there is none."""
        deadline: float | None = None
        unread, usual = 0, self.endpoint.temperature
        for attempt in count():
            if self._fatal is not None and time.monotonic() - self._fatal[0] < FATAL_SECONDS:
                return self._fatal[1]
            async with self._chat.pacer.slot():
                now = time.monotonic()
                deadline = deadline or now + self.endpoint.deadline
                try:
                    text = await self._chat.ask(
                        messages(item, vote, self.rubric),
                        temperature=usual if attempt == 0 else max(usual, 0.3),
                        seed=1000 * vote + attempt,
                        seconds=min(self.endpoint.attempt, deadline - now),
                    )
                    self._silence = None
                    return read_reply(text)
                except ReplyError as error:
                    self._silence = None
                    failure, unread = CallFailed(str(error)), unread + 1
                except CallFailed as error:
                    failure = error
            silent_for = self._silent_for() if failure.silent else 0.0
            self.usage.retries += 1
            if failure.judge:
                self._fatal = time.monotonic(), str(failure)
            if failure.row or failure.judge or unread >= REPLIES:
                return str(failure)
            pause = backoff(attempt) if failure.wait is None else failure.wait
            if time.monotonic() + pause >= deadline:
                return f"no verdict within {self.endpoint.deadline:g} s; last: {failure}"
            if silent_for > self.endpoint.deadline:
                return f"the judge has not answered for {self.endpoint.deadline:g} s; last: {failure}"
            await asyncio.sleep(pause)
        raise AssertionError

    def _silent_for(self) -> float:
        """Seconds for which calls have gone unanswered, this one included; a pause in asking is no silence."""
        now = time.monotonic()
        since, last = self._silence or (now, now)
        self._silence = (now if now - last > self.endpoint.deadline else since), now
        return now - self._silence[0]

    async def _check(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        where = f"judge {self.endpoint.model} at {self.endpoint.url}"
        for attempt in count():
            try:
                reply = await self._chat.client.get("models", timeout=min(30.0, patience))
                problem = f"HTTP {reply.status_code}{detail(reply.content)}"
                if reply.status_code in (401, 403):
                    raise JudgeUnavailable(
                        self.endpoint.mask(f"{where}: {problem}; check the API key's environment variable")
                    )
                if reply.status_code in (200, 404, 405):
                    break
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}: {error}"
            if time.monotonic() > deadline:
                raise JudgeUnavailable(self.endpoint.mask(f"{where}: not ready after {patience:g} s; last: {problem}"))
            await asyncio.sleep(min(5.0, backoff(attempt)))
        if reply.status_code == 200 and (names := _model_names(reply.content)) and self.endpoint.model not in names:
            raise JudgeUnavailable(
                f"{where}: it serves {', '.join(names[:10])}; name one of these as the judge's model"
            )
        require_verdicts(await self._judge_all(CANARIES), where)


def _model_names(content: bytes) -> list[str]:
    try:
        return [str(model["id"]) for model in json.loads(content)["data"]]
    except (ValueError, KeyError, TypeError):
        return []
