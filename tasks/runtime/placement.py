"""Placement: a table (stage → work pool) sends the building of a stage's artifacts to another machine.

    REWRITING_AGENT_PLACEMENT='{"train_agent": "gpu", "finetune": "gpu"}'

Both machines name the same store, and the same REWRITING_AGENT_DEVICE: the device's lock is part of the key.
The stage's task then runs the deployment `stage/<pool>` (flows/placed.py) and waits for it; the artifact comes back
through the store, which both machines share. The stage's function does not change, and the run keeps its edge in the
UI, because the deployment runs inside the task.
"""

import importlib
import time
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin, get_type_hints

from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.states import Cancelling
from pydantic import BaseModel

from tasks.runtime import stopping
from tasks.runtime.store import Artifact

POLL_SECONDS = 2.0


class PlacementError(RuntimeError):
    """A stage that was sent to another pool did not come back whole."""


def build_elsewhere(pool: str, function: Callable[..., Any], config: Any, inputs: dict[str, Any]) -> None:
    """Run the deployment `stage/<pool>` for this stage and wait for its end; cancel it where this run is being ended.

    Raises:
        PlacementError: it failed, crashed or was cancelled.
        Stopped: this run is being ended.
    """
    parameters = {
        "stage": f"{function.__module__}:{function.__name__}",
        "config": _plain(config),
        "inputs": _plain(inputs),
    }
    started: Any = run_deployment(f"stage/{pool}", parameters=parameters, timeout=0, flow_run_name=function.__name__)
    with get_client(sync_client=True) as client:
        while not ((run := client.read_flow_run(started.id)).state and run.state.is_final()):
            try:
                stopping.check()
            except stopping.Stopped:
                client.set_flow_run_state(run.id, Cancelling())
                raise
            time.sleep(POLL_SECONDS)
    if not run.state.is_completed():
        state = f"{run.state.name}: {run.state.message}"
        raise PlacementError(f"{function.__name__} on pool {pool!r}: {state} (flow run {run.id})")


def find_stage(name: str) -> Any:
    """The stage that `module:function` names. Raises ValueError for anything that is no stage of this project."""
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function, None) if module.startswith("tasks.") else None
    if found is None or not hasattr(found, "plain"):
        raise ValueError(f"{name!r} is no stage")
    return found


def config_of(stage: Any, values: Any) -> Any:
    """The stage's config from plain values: one model, or a dict of them where the stage makes a batch."""
    said = get_type_hints(stage.plain)["config"]
    if isinstance(get_origin(said), type) and issubclass(get_origin(said), Mapping):
        model = get_args(said)[1]
        return {name: model.model_validate(one) for name, one in values.items()}
    return said.model_validate(values)


def artifacts_of(values: Any) -> Any:
    """Inputs from plain values: references, dicts of them, or None."""
    if values is None:
        return None
    if set(values) == set(Artifact.model_fields):
        return Artifact.model_validate(values)
    return {name: artifacts_of(one) for name, one in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value
