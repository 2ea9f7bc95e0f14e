"""Prefect's server as this project has it: `uvicorn --factory infra.prefect_app:create_app`.

A run's parameters are checked, and it is named, when it is created (run_creation.py). No secret is stored that is typed
into a page (no_secrets.py). The pages may call nobody but this server (loopback_only.py). And three faults of 3.8.8 are
mended:

Writers wait for each other. Prefect begins its SQLite transactions DEFERRED: one that has read and then writes after
another one has committed fails at once, whatever the busy timeout: `database is locked` in the log, a run that is not
marked, a request that is answered 503. Begun IMMEDIATE, as Prefect itself begins its most contended ones, it waits.

A run of a second may have ended before its first heartbeat arrives, and the automation that waits for the next one
(automations.py) then finds it ended: that is no failed action to be warned of.

A schedule keeps its parameters. The UI's switch sends {"active": true}; Prefect takes the parameters, which were not
sent, to be {}, and the schedule's runs are those of the deployment's form from then on.
"""

import logging
from contextlib import AbstractAsyncContextManager
from typing import Any

from prefect.server import models
from prefect.server.api import server
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.schemas.actions import DeploymentScheduleUpdate

from infra import loopback_only, no_secrets, run_creation

_begin = AioSqliteConfiguration.begin_transaction
_update_schedule: Any = models.deployments.update_deployment_schedule


def _begin_immediate(
    self: AioSqliteConfiguration, session: Any, with_for_update: bool = False
) -> AbstractAsyncContextManager[Any]:
    return _begin(self, session, with_for_update=True)


async def _update_what_was_sent(*args: Any, schedule: DeploymentScheduleUpdate, **kwargs: Any) -> bool:
    if "parameters" not in schedule.model_fields_set:
        schedule = schedule.model_copy(update={"parameters": None})  # None is left out of the update
    return bool(await _update_schedule(*args, schedule=schedule, **kwargs))


AioSqliteConfiguration.begin_transaction = _begin_immediate  # type: ignore[method-assign, assignment]
models.deployments.update_deployment_schedule = _update_what_was_sent
run_creation.mend()


def _is_a_failure(record: logging.LogRecord) -> bool:
    return "Run is already in terminal state" not in record.getMessage()


logging.getLogger("prefect.server.events.actions").addFilter(_is_a_failure)


def create_app() -> Any:
    """The server's ASGI application."""
    return loopback_only.LoopbackOnly(no_secrets.NoSecrets(server.create_app()))
