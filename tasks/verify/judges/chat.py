"""One call of an OpenAI-compatible chat endpoint: messages in, the reply's text out, or what kind of failure it was.

Whether a failed call is made again is for the caller to say (tasks/verify/judges/openai_judge.py).
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tasks.verify.judges.judge_prompt import SCHEMA, ReplyError
from tasks.verify.judges.pacing import Pacer, retry_after
from tasks.verify.types import Usage

logger = logging.getLogger(__name__)

MAX_BODY = 4_000_000  # bytes of a reply
_BUSY = frozenset({429, 503, 529})
_FATAL = frozenset({401, 402, 403, 404, 405, 407, 410})  # no row can succeed
_SCHEMA_WORDS = ("response_format", "json_schema", "structured", "guided", "grammar", "schema")


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

    def mask(self, text: str) -> str:
        """`text` without the API key."""
        return text.replace(self.api_key, "<api key>") if self.api_key else text


class CallFailed(Exception):
    """One call without a reply's text.

    `row`: no further call for this row helps; `judge`: none for any row does; `silent`: the service did not answer,
    or only that it is busy; `wait`: seconds after which it may be asked again, where that is known.
    """

    def __init__(
        self, reason: str, *, row: bool = False, judge: bool = False, silent: bool = False, wait: float | None = None
    ) -> None:
        super().__init__(reason)
        self.row, self.judge, self.silent, self.wait = row, judge, silent, wait


class Chat:
    """The endpoint's client, of one event loop: `pacer` limits its calls, `usage` counts what they took."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint, self.usage, self.pacer = endpoint, Usage(), Pacer(endpoint.concurrency)
        self.client = httpx.AsyncClient(
            base_url=endpoint.url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {},
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=endpoint.concurrency),
            timeout=None,
        )
        self._schema = True  # until the service refuses response_format

    async def ask(self, messages: list[dict[str, str]], *, temperature: float, seed: int, seconds: float) -> str:
        """The reply's text.

        Raises:
            CallFailed: the call gave none within `seconds`.
            ReplyError: it was answered, without a text.
        """
        with_schema = self._schema
        body: dict[str, Any] = {
            "model": self.endpoint.model,
            "messages": messages,
            "max_tokens": self.endpoint.max_tokens,
            "temperature": temperature,
            "seed": seed,
        }
        if with_schema:
            # Not "strict": hosted services then refuse a schema that limits the length of texts.
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA}}
        body |= self.endpoint.extra
        body = {name: value for name, value in body.items() if value is not None}
        try:
            status, headers, content = await asyncio.wait_for(self._post("chat/completions", body), max(0.01, seconds))
        except (TimeoutError, httpx.TimeoutException):
            raise self._failed(f"no reply within {seconds:.3g} s", silent=True) from None
        except httpx.HTTPError as error:
            raise self._failed(f"{type(error).__name__}: {error}", silent=True) from None
        if status != 200:
            raise self._refused(status, headers, content, with_schema and "response_format" in body)
        self.pacer.answered()
        return self._text(content)

    async def _post(self, path: str, body: dict[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        async with self.client.stream("POST", path, json=body) as response:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_BODY:
                    raise httpx.RemoteProtocolError(f"reply of more than {MAX_BODY} bytes")
            return response.status_code, response.headers, bytes(content)

    def _refused(self, status: int, headers: httpx.Headers, content: bytes, with_schema: bool) -> CallFailed:
        """What an HTTP status other than 200 means for the row and for the judge."""
        reason = f"HTTP {status}{detail(content)}"
        if status in _BUSY:
            wait = retry_after(headers)
            self.pacer.refused(wait)
            return self._failed(reason, silent=True, wait=wait)
        if status in (400, 422) and with_schema:
            if not _is_about_the_schema(content):
                return self._failed(reason, row=True)
            self._schema = False
            said = self.endpoint.mask(reason)
            logger.warning("%s takes no JSON schema (%s); reading its replies as text", self.endpoint.url, said)
            return self._failed(reason, wait=0)
        if 400 <= status < 500 and status not in (408, 425):
            return self._failed(reason, row=True, judge=status in _FATAL)
        return self._failed(reason, silent=True)

    def _text(self, content: bytes) -> str:
        try:
            reply = json.loads(content)
            choice = reply["choices"][0]
            text = choice["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError):
            raise self._failed("the reply is no chat completion", silent=True) from None
        used = reply.get("usage") if isinstance(reply.get("usage"), dict) else {}
        self.usage.calls += 1
        self.usage.prompt_tokens += _count(used, "prompt_tokens")
        self.usage.completion_tokens += _count(used, "completion_tokens")
        if not isinstance(text, str):
            raise ReplyError(f"the reply has no text (finish reason {choice.get('finish_reason')!r})")
        return text

    def _failed(self, reason: str, **kind: Any) -> CallFailed:
        return CallFailed(self.endpoint.mask(reason), **kind)


def detail(content: bytes) -> str:
    """The start of an error's body, on one line."""
    text = " ".join(content[:2000].decode("utf-8", "replace").split())
    return f": {text[:300]}" if text else ""


def _is_about_the_schema(content: bytes) -> bool:
    """Whether a 400 is about the JSON schema: it says so in words, and not about the prompt's length."""
    text = content[:20_000].decode("utf-8", "replace").lower()
    return any(word in text for word in _SCHEMA_WORDS)


def _count(used: dict[str, Any], name: str) -> int:
    return value if isinstance(value := used.get(name), int) else 0
