"""A judge behind an OpenAI-compatible endpoint: vllm serve, SGLang, or a hosted model.

In:  JudgeItem(id="gsm8k/3f2a", question="Natalia sold …", gold="…", solution="48/2 = 24, 48 + 24 = 72. \\boxed{72}")
Out: ReasoningVerdict(valid=True, first_wrong_step=None, reason="every step follows", judge="openai/…"), or
     ReasoningVerdict(valid=None, …, reason="no verdict within 120 s; last: HTTP 503 …") where none could be had

One event loop in a thread of its own serves any number of calling threads. A failed call is tried again until the
row's deadline; then the row has no verdict, which is not 'invalid'.
"""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, TypeVar

import httpx

from tasks.verify.judge_prompt import SCHEMA, ReplyError, messages, read_reply
from tasks.verify.pacing import Pacer, backoff, retry_after
from tasks.verify.types import JudgeItem, ReasoningVerdict
from tasks.verify.votes import Vote, decide, wanted

logger = logging.getLogger(__name__)
T = TypeVar("T")

MAX_BODY = 4_000_000  # bytes of a reply
REPLIES = 4  # replies without a readable verdict, after which a vote is given up
_BUSY = frozenset({429, 503, 529})
_FATAL = frozenset({401, 402, 403, 404, 405, 407, 410})  # no row can succeed


class JudgeUnavailable(RuntimeError):
    """The judge cannot be used: says what was tried and what to do."""


@dataclass(frozen=True)
class Endpoint:
    """Where and how a model is asked.

    `url` ends before /chat/completions ("http://host:8000/v1"). `deadline` is seconds a row may take from its first
    call on, `attempt` seconds of one call. `extra` is merged into the request's body; a None in it removes a field.
    """

    url: str
    model: str
    concurrency: int = 64
    deadline: float = 300.0
    attempt: float = 120.0
    votes: int = 1
    temperature: float = 0.0
    max_tokens: int = 1024
    api_key: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Usage:
    """What judging took: calls answered, calls tried again, tokens as the service counted them."""

    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Failure(Exception):
    """One call without a verdict. `row`: no further call for this row helps; `judge`: none for any row does."""

    def __init__(self, reason: str, *, row: bool = False, judge: bool = False, wait: float | None = None) -> None:
        super().__init__(reason)
        self.row, self.judge, self.wait = row, judge, wait


class OpenAIJudge:
    """Asks `votes` times a row and takes the strict majority; thread-safe. A context manager.

    Odd votes see the candidate before the reference. A row whose votes give no majority of `votes` has no verdict.
    """

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        self.endpoint, self.name = endpoint, name
        self.usage = Usage()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="judge", daemon=True)
        self._thread.start()
        self._schema = True  # until the service refuses response_format
        self._fatal: str | None = None
        self._silent_since: float | None = None
        self._client, self._pacer = self._run(self._open())

    def __enter__(self) -> "OpenAIJudge":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and end the thread."""
        if self._thread.is_alive():
            self._run(self._client.aclose())
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

    async def _open(self) -> tuple[httpx.AsyncClient, Pacer]:
        headers = {"Authorization": f"Bearer {self.endpoint.api_key}"} if self.endpoint.api_key else {}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self.endpoint.concurrency)
        client = httpx.AsyncClient(
            base_url=self.endpoint.url.rstrip("/") + "/", headers=headers, limits=limits, timeout=None
        )
        return client, Pacer(self.endpoint.concurrency)

    async def _judge_all(self, items: Sequence[JudgeItem]) -> list[ReasoningVerdict]:
        self._fatal = self._silent_since = None
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
        unread = 0
        for attempt in count():
            if self._fatal is not None:
                return self._fatal
            async with self._pacer.slot():
                now = time.monotonic()
                deadline = deadline or now + self.endpoint.deadline
                try:
                    verdict = read_reply(
                        await self._call(item, vote, attempt, min(self.endpoint.attempt, deadline - now))
                    )
                    self._silent_since = None
                    return verdict
                except ReplyError as error:
                    self._silent_since = None
                    failure, unread = _Failure(str(error)), unread + 1
                except _Failure as error:
                    failure = error
            self.usage.retries += 1
            if failure.judge:
                self._fatal = str(failure)
            if failure.row or failure.judge or unread >= REPLIES:
                return str(failure)
            pause = backoff(attempt) if failure.wait is None else failure.wait
            if time.monotonic() + pause >= deadline:
                return f"no verdict within {self.endpoint.deadline:g} s; last: {failure}"
            if self._silent_since is not None and time.monotonic() - self._silent_since > self.endpoint.deadline:
                return f"the judge has not answered for {self.endpoint.deadline:g} s; last: {failure}"
            await asyncio.sleep(pause)
        raise AssertionError

    async def _call(self, item: JudgeItem, vote: int, attempt: int, seconds: float) -> str:
        """The text of one reply. Raises _Failure."""
        with_schema = self._schema
        body: dict[str, Any] = {
            "model": self.endpoint.model,
            "messages": messages(item, vote),
            "max_tokens": self.endpoint.max_tokens,
            "temperature": self.endpoint.temperature if attempt == 0 else max(self.endpoint.temperature, 0.3),
            "seed": 1000 * vote + attempt,
        }
        if with_schema:
            # Not "strict": hosted services then refuse a schema that limits the length of texts.
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA}}
        body |= self.endpoint.extra
        body = {name: value for name, value in body.items() if value is not None}
        try:
            status, headers, content = await asyncio.wait_for(self._post("chat/completions", body), max(0.01, seconds))
        except (TimeoutError, httpx.TimeoutException):
            raise self._silence(f"no reply within {seconds:.3g} s") from None
        except httpx.HTTPError as error:
            raise self._silence(f"{type(error).__name__}: {error}") from None
        if status in _BUSY:
            wait = retry_after(headers)
            self._pacer.refused(wait)
            raise self._silence(f"HTTP {status}{_detail(content)}", wait)
        if status != 200:
            reason = self._mask(f"HTTP {status}{_detail(content)}")
            if status in (400, 422) and with_schema and "response_format" in body:
                if not self._schema_refused(content):
                    raise _Failure(reason, row=True)
                self._schema = False
                logger.warning("%s takes no JSON schema (%s); reading its replies as text", self.endpoint.url, reason)
                raise _Failure(reason, wait=0)
            if 400 <= status < 500 and status not in (408, 425):
                raise _Failure(reason, row=True, judge=status in _FATAL)
            raise self._silence(reason)
        self._pacer.answered()
        return self._content(content)

    async def _post(self, path: str, body: dict[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        async with self._client.stream("POST", path, json=body) as response:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_BODY:
                    raise httpx.RemoteProtocolError(f"reply of more than {MAX_BODY} bytes")
            return response.status_code, response.headers, bytes(content)

    def _content(self, content: bytes) -> str:
        try:
            reply = json.loads(content)
            choice = reply["choices"][0]
            text = choice["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError):
            raise self._silence("the reply is no chat completion") from None
        used = reply.get("usage") if isinstance(reply.get("usage"), dict) else {}
        self.usage.calls += 1
        self.usage.prompt_tokens += _count(used, "prompt_tokens")
        self.usage.completion_tokens += _count(used, "completion_tokens")
        if not isinstance(text, str):
            raise ReplyError(f"the reply has no text (finish reason {choice.get('finish_reason')!r})")
        return text

    @staticmethod
    def _schema_refused(content: bytes) -> bool:
        """Whether a 400 is about the JSON schema: it says so in words, and not about the prompt's length."""
        text = content[:20_000].decode("utf-8", "replace").lower()
        words = ("response_format", "json_schema", "structured", "guided", "grammar", "schema")
        return any(word in text for word in words)

    def _silence(self, reason: str, wait: float | None = None) -> _Failure:
        """A failure that another call may mend; remembers since when nothing but these came."""
        self._silent_since = self._silent_since or time.monotonic()
        return _Failure(self._mask(reason), wait=wait)

    def _mask(self, text: str) -> str:
        return text.replace(self.endpoint.api_key, "<api key>") if self.endpoint.api_key else text

    async def _check(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        where = f"judge {self.endpoint.model} at {self.endpoint.url}"
        for attempt in count():
            try:
                reply = await self._client.get("models", timeout=min(30.0, patience))
                problem = f"HTTP {reply.status_code}{_detail(reply.content)}"
                if reply.status_code in (401, 403):
                    raise JudgeUnavailable(self._mask(f"{where}: {problem}; check the API key's environment variable"))
                if reply.status_code in (200, 404, 405):
                    break
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}: {error}"
            if time.monotonic() > deadline:
                raise JudgeUnavailable(self._mask(f"{where}: not ready after {patience:g} s; last: {problem}"))
            await asyncio.sleep(min(5.0, backoff(attempt)))
        if reply.status_code == 200 and (names := _model_names(reply.content)) and self.endpoint.model not in names:
            raise JudgeUnavailable(
                f"{where}: it serves {', '.join(names[:10])}; name one of these as the judge's model"
            )
        verdicts = await self._judge_all(CANARIES)
        if missing := [verdict.reason for verdict in verdicts if verdict.valid is None]:
            raise JudgeUnavailable(f"{where}: gives no verdict: {missing[0]}")
        if [verdict.valid for verdict in verdicts] != [True, False]:
            logger.warning("%s: misjudges 2 + 2 = 4 against 2 + 2 = 5; measure it with judge-eval before use", where)


CANARIES = (
    JudgeItem("canary/right", "Ann has 2 pens and buys 2 more. How many has she?", "4", "2 + 2 = 4. \\boxed{4}"),
    JudgeItem("canary/wrong", "Ann has 2 pens and buys 2 more. How many has she?", "4", "2 + 2 = 5. \\boxed{5}"),
)


def _count(used: dict[str, Any], name: str) -> int:
    return value if isinstance(value := used.get(name), int) else 0


def _detail(content: bytes) -> str:
    """The start of an error's body, on one line."""
    text = " ".join(content[:2000].decode("utf-8", "replace").split())
    return f": {text[:300]}" if text else ""


def _model_names(content: bytes) -> list[str]:
    try:
        return [str(model["id"]) for model in json.loads(content)["data"]]
    except (ValueError, KeyError, TypeError):
        return []
