"""No page of the server calls anybody but the server, and none promotes anything.

Prefect's V2 page asks a host of an analytics company for its configuration at every start, though analytics are off. A
Content-Security-Policy header makes the browser refuse that, and whatever else a page may come to ask for.

    connect-src 'self'    fetch and websockets to this server alone
    img-src               its own pictures, and those that the dashboard, on another port here, draws of a run
    script-src            its own scripts; the inline ones and the blob workers by which both pages draw a run's graph

Until it has read its settings, the V2 page of 3.8.8 shows an invitation to the company's product; a style in the page
hides it from the start.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tasks.runtime.settings import settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        f"img-src 'self' data: blob: {settings().dashboard or ''}".strip(),
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "form-action 'self'",
        "base-uri 'self'",
        "object-src 'none'",
        "frame-ancestors 'self'",
    ]
)
HEADERS = [(b"content-security-policy", POLICY.encode()), (b"referrer-policy", b"no-referrer")]


_INVITATION = b'li:has(a[href*="prefect.io/cloud-vs-oss"])'
STYLE = b"<style>" + _INVITATION + b", " + _INVITATION + b" + li { display: none }</style>"


class LoopbackOnly:
    """An ASGI application whose answers forbid the browser to ask anybody else."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        page = False  # whether what is sent is a page

        async def send_with_policy(message: Message) -> None:
            nonlocal page
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                page = scope["method"] == "GET" and message["status"] == 200 and _is_page(dict(headers))
                if page:
                    headers = [
                        (name, _longer(value) if name == b"content-length" else value) for name, value in headers
                    ]
                message = {**message, "headers": [*headers, *HEADERS]}
            elif page and message["type"] == "http.response.body" and not message.get("more_body"):
                message = {**message, "body": message.get("body", b"") + STYLE}
            await send(message)

        await self.application(scope, receive, send_with_policy if scope["type"] == "http" else send)


def _is_page(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"content-type", b"").startswith(b"text/html") and b"content-encoding" not in headers


def _longer(length: bytes) -> bytes:
    return str(int(length) + len(STYLE)).encode()
