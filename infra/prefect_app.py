"""Prefect's server, whose writers wait for each other: `uvicorn --factory infra.prefect_app:create_app`.

Prefect 3.8.8 begins its SQLite transactions DEFERRED. One that has read and then writes after another one has
committed fails at once, whatever the busy timeout: `database is locked` in the log, a run that is not marked, a request
that is answered 503. Begun IMMEDIATE, as Prefect itself begins its most contended ones, it waits its turn.
"""

from contextlib import AbstractAsyncContextManager
from typing import Any

from prefect.server.api.server import create_app
from prefect.server.database.configurations import AioSqliteConfiguration

__all__ = ["create_app"]

_begin = AioSqliteConfiguration.begin_transaction


def _begin_immediate(
    self: AioSqliteConfiguration, session: Any, with_for_update: bool = False
) -> AbstractAsyncContextManager[Any]:
    return _begin(self, session, with_for_update=True)


AioSqliteConfiguration.begin_transaction = _begin_immediate  # type: ignore[method-assign, assignment]
