"""How many calls a service gets at once: fewer when it says that it is busy, none while it asks to wait.

Additive increase, multiplicative decrease: each answered call raises the limit by 1/limit, each 429 or 503 halves it
(at most once in the time of one call, else a burst of refusals counts as many). `Retry-After` holds back every call.
"""

import asyncio
import email.utils
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

MAX_RETRY_AFTER = 300.0  # seconds; a service that asks for more is taken at this


class Pacer:
    """Limits the calls in flight of one event loop."""

    def __init__(self, concurrency: int) -> None:
        self.most = float(concurrency)
        self.limit = float(concurrency)
        self.in_flight = 0
        self._not_before = 0.0
        self._lowered = 0.0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """One call's place; waits until there is one and the service may be asked."""
        async with self._changed:
            while self.in_flight >= max(1, int(self.limit)):
                await self._changed.wait()
            self.in_flight += 1
        try:
            while (pause := self._not_before - time.monotonic()) > 0:
                await asyncio.sleep(pause)
            yield
        finally:
            async with self._changed:
                self.in_flight -= 1
                self._changed.notify_all()

    def answered(self) -> None:
        """A call was answered."""
        self.limit = min(self.most, self.limit + 1 / self.limit)

    def refused(self, retry_after: float | None) -> None:
        """The service is busy; it may have said for how long (seconds)."""
        now = time.monotonic()
        if now - self._lowered > 1.0:
            self.limit, self._lowered = max(1.0, self.limit / 2), now
        if retry_after is not None:
            self._not_before = max(self._not_before, now + min(retry_after, MAX_RETRY_AFTER))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a reply's `Retry-After` asks for: a number, or an HTTP date."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return max(0.0, seconds) if seconds == seconds else None


def backoff(attempt: int, base: float = 0.5, most: float = 30.0) -> float:
    """Seconds before attempt `attempt` + 1 (from 0): doubling, with jitter so that callers do not march in step."""
    return random.uniform(0.1, 1.0) * min(most, base * 2.0 ** min(attempt, 16))
