"""What the server does when a run of ours is created, by the form, the API or a schedule.

    asked: {"changes": ["sample.row=7"], …}   refused: no field sample.row: did you mean sample.rows?
    asked: {"method": "sft", "seeds": [1]}    called nano-sft-seed-1, with the tags backbone:nano, method:sft, …

The flow says the same at its start (flows/form.py); here it is said before the run waits for a worker. A run is ours by
its deployment's tag kind:pipeline, kind:study or kind:ablation.
"""

from collections.abc import Iterable
from typing import Any

from fastapi import HTTPException, status
from prefect.server import models
from prefect.server.schemas.core import FlowRun

from flows.form import FormError, experiments_of, name_of, tags_of

KINDS = {"kind:pipeline": "pipeline", "kind:study": "study", "kind:ablation": "ablation"}

_create_run: Any = models.flow_runs.create_flow_run
_generate_runs: Any = models.deployments._generate_scheduled_flow_runs


def mend() -> None:
    """Let the server's functions do so."""
    models.flow_runs.create_flow_run = _create_checked
    models.deployments._generate_scheduled_flow_runs = _generate_named


async def _create_checked(session: Any, flow_run: FlowRun, *rest: Any, **more: Any) -> Any:
    if flow_run.deployment_id and (kind := kind_of(flow_run.tags)):
        try:
            name, tags = introduced(kind, flow_run.parameters)
        except FormError as error:
            raise HTTPException(status.HTTP_409_CONFLICT, detail=str(error)) from None
        flow_run.name, flow_run.tags = name, sorted({*flow_run.tags, *tags})
    return await _create_run(session, flow_run, *rest, **more)


async def _generate_named(*args: Any, **more: Any) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = await _generate_runs(*args, **more)
    for run in runs:
        if kind := kind_of(run["tags"]):
            try:
                run["name"], tags = introduced(kind, run["parameters"])
            except FormError:
                return runs  # the run itself will fail with this error, where its user looks
            run["tags"] = sorted({*run["tags"], *tags})
    return runs


def kind_of(tags: Iterable[str]) -> str | None:
    """Which flow of ours a run with these tags is."""
    return next((KINDS[tag] for tag in tags if tag in KINDS), None)


def introduced(kind: str, parameters: dict[str, Any]) -> tuple[str, list[str]]:
    """Name and tags of a run. Raises FormError where its parameters do not fit."""
    return name_of(kind, parameters), tags_of(kind, parameters, experiments_of(parameters))
