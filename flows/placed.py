"""One stage on another work pool, for a run elsewhere that sent it here (tasks/runtime/placement/placement.py).

`python -m infra.work_pools create gpu` makes its deployment stage/gpu.
"""

from typing import Any

from prefect import flow, tags

from flows.plan.work import done
from tasks.runtime.placement.plain_call import artifacts_of, config_of, find_stage
from tasks.runtime.planning import note_from


@flow(name="stage", flow_run_name="{stage}")
def stage(
    stage: str,
    config: dict[str, Any],
    inputs: dict[str, Any],
    asked_by: list[str] | None = None,
    planned: dict[str, dict[str, Any]] | None = None,
) -> Any:
    """Build one stage's artifacts here.

    Args:
        stage: `module:function` of a stage.
        config: its config, or a dict of configs where it makes a batch.
        inputs: references to its inputs, by name.
        asked_by: the tags of the stage's run elsewhere, "sft/0": method or variant, and seed.
        planned: what the run elsewhere planned for it, kept beside what is built.
    """
    note_from(planned or {}, done)
    task = find_stage(stage)
    with tags(*(asked_by or ())):
        return task(config_of(task, config), **{name: artifacts_of(one) for name, one in inputs.items()})
