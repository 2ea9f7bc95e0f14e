"""What a run would make, cost and show, as a table in the UI: asks what the pipeline's form asks, builds nothing.

In:  method "sft", seeds [0], preset ["smoke"], backbone "nano"
Out: the run's artifact `plan-nano`; the run fails where something cannot work, with the sentences that say what to type
"""

from typing import Annotated

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run
from pydantic import Field

from flows.experiment import Experiment, MethodName
from flows.form import Changes, Presets, Seeds, asks, name_of
from flows.pipeline import pipeline
from flows.plan.checks import CannotWork
from flows.plan.make import make_plan
from flows.plan.shown import markdown
from flows.plan.start import machine
from tasks.runtime.show import history_key


def _run_name() -> str:
    return f"plan of {name_of('pipeline', flow_run.parameters)}"


@flow(name="plan", flow_run_name=_run_name)
@asks
def plan(
    method: MethodName = "rewriting_agent",
    seeds: Seeds = (0,),
    preset: Presets = (),
    changes: Changes = (),
    backbone: str = "nano",
    experiment: Experiment | None = None,
    price: Annotated[float | None, Field(ge=0)] = None,
) -> None:
    """Say what a run with these answers would make, and what that costs on this worker's machine. Nothing is built."""
    asked = {"method": method, "seeds": seeds, "preset": preset, "changes": changes, "backbone": backbone}
    made = make_plan(pipeline.fn, asked | {"experiment": experiment}, machine(price))
    name = backbone if experiment is None else experiment.backbone.name
    create_markdown_artifact(markdown(made), key=history_key(f"plan-{name}"), description=f"{name}: the price of a run")
    if made.refused:
        raise CannotWork("\n".join(made.refused))
