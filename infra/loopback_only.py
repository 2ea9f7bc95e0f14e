"""No page of the server calls anybody but the server.

Prefect's V2 page asks a host of an analytics company for its configuration at every start, though analytics are off. A
Content-Security-Policy header makes the browser refuse that, and whatever else a page may come to ask for.

    connect-src 'self'    fetch and websockets to this server alone
    img-src               its own pictures, and those that the dashboard, on another port here, draws of a run
    script-src            its own scripts; the inline ones and the blob workers by which both pages draw a run's graph
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


class LoopbackOnly:
    """An ASGI application whose answers forbid the browser to ask anybody else."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
            await send(message)

        await self.application(scope, receive, send_with_policy if scope["type"] == "http" else send)
