"""No secret that is typed into a page of the server gets into its database.

In:  PATCH /api/deployments/… {"parameters": {"changes": ["gate.judge.extra_body.api_key=k"]}}
Out: 409 {"detail": "changes.0.gate.judge.extra_body.api_key: looks like a secret, …"}; the server has not seen it

Parameters of runs, deployments, schedules and automations are looked at, and the job variables of the first two, by the
rules of an experiment (tasks/runtime/files/secret.py). A job variable may name a Secret block of Prefect, which its
worker reads: {{ prefect.blocks.secret.NAME }}. Blocks themselves are where Prefect keeps secrets, encrypted: they pass.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import JSONResponse

from flows.experiment import Experiment
from flows.overrides import OverrideError, parse
from infra.loopback_only import Application, Message, Receive, Send
from tasks.runtime.files.secret import fields_with_secrets, refusal

LOOKED_AT = ("parameters", "job_variables")
_BLOCK = re.compile(r"\{\{\s*prefect\.blocks\.secret\.[\w.-]+\s*\}\}")


class NoSecrets:
    """An ASGI application that is not asked what holds a secret."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self.application(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if found := sorted({*secrets_in(body)}):
            refused = JSONResponse({"detail": refusal(found)}, status_code=409)
            await refused(scope, receive, send)
            return
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.application(scope, again, send)


def secrets_in(body: bytes) -> Iterator[str]:
    """The fields of a request's body that hold a secret; none of what is no JSON."""
    if any(f'"{name}"'.encode() in body for name in LOOKED_AT):  # most requests have neither
        try:
            yield from _in(json.loads(body))
        except (ValueError, RecursionError):  # the application says so
            return


def _in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _in(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in LOOKED_AT and isinstance(one, dict):
                yield from fields_with_secrets(_without_blocks(_read(one)))
            else:
                yield from _in(one)


def _read(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """With the form's changes, "FIELD=VALUE" a line each, as what they would put into an experiment."""
    changes = parameters.get("changes")
    lines = [line for one in changes for line in str(one).splitlines()] if isinstance(changes, list) else []
    return {**parameters, "changes": [_change(line) for line in lines] or changes}


def _change(line: str) -> Any:
    try:
        [(field, value)] = parse([line], Experiment).items()
    except OverrideError:  # refused when a run is made; until then its text is looked at
        return line
    head, _, name = field.rpartition(".")
    return {head: {name: value}}


def _without_blocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_blocks(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_blocks(one) for one in value]
    return "" if isinstance(value, str) and _BLOCK.fullmatch(value) else value
