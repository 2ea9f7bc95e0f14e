"""A run's start: what cannot work is refused, and what is planned is noted beside what will be built.

run.log: "plan: 14 of 29 stages to make, 0.1 core-hours; the report shows it beside what came of it"
"""

from collections.abc import Callable, Iterator, Sequence
from contextvars import Context
from typing import Any

from prefect import get_run_logger
from prefect.context import FlowRunContext

from flows.experiment import Experiment
from flows.plan.checks import CannotWork, refusals
from flows.plan.estimate import estimate
from flows.plan.here import lacking
from flows.plan.plan import Machine, PlannedStage
from flows.plan.speed import Past
from flows.plan.table import gpu_called
from flows.plan.work import done
from tasks.runtime.planning import Noted, Walk, note, walking
from tasks.runtime.progress.run_progress import Planned, RunProgress, begin
from tasks.runtime.settings import settings
from tasks.runtime.stage import store


def machine(price: float | None = None, gpu: str | None = None) -> Machine:
    """What this process's settings compute on; a GPU that the table does not know by its driver's name.

    Args:
        price: of a GPU's hour, on a CPU of a core's.
        gpu: what its GPUs are taken for, h100-80 say, whatever the driver calls them.
    """
    ours = settings()
    if not (ours.cuda() and ours.gpu_names()):
        return Machine("cpu", 0, price)
    return Machine(gpu or gpu_called(ours.gpu_model()) or ours.gpu_model(), len(ours.gpu_names()), price)


def walk_through(flow: Callable[..., Any], parameters: dict[str, Any]) -> Walk:
    """The plan of a flow's function with these parameters, outside of any run around: nothing is shown or named."""

    def walk() -> Walk:
        found = Walk(store())
        with found.collecting():
            flow(**parameters)
        return found

    return Context().run(walk)


def survey(
    flow: Callable[..., Any], parameters: dict[str, Any], experiments: Sequence[Experiment], here: Machine
) -> tuple[Walk | None, list[str]]:
    """The plan, and what of it cannot work. No plan where its sources are not there: then the sentences say which."""
    try:
        walk = walk_through(flow, parameters)
    except (OSError, RuntimeError, ValueError):
        if found := refusals(experiments, here):
            return None, found
        raise
    making: dict[str, list[Any]] = {}
    for step in walk.stages:
        if not step.cached:
            making.setdefault(step.kind, []).append(step.config)
    return walk, refusals(experiments, here, making)


def startable(flow: Callable[..., Any], parameters: dict[str, Any], experiments: Sequence[Experiment]) -> Walk:
    """The plan of a run that would begin now, on this machine.

    Raises:
        CannotWork: a sentence for each reason, with what to type.
    """
    walk, refused = survey(flow, parameters, experiments, machine())
    if walk is not None:
        refused += lacking(walk, experiments)
    if refused or walk is None:
        raise CannotWork("\n".join(refused))
    return walk


def ready(experiments: Sequence[Experiment]) -> None:
    """Refuse what cannot work, and note the plan of the flow run around; without one nothing.

    Raises:
        CannotWork: a sentence for each reason, with what to type.
    """
    context = FlowRunContext.get()
    if context is None or context.flow is None or walking():
        return
    here, log = machine(), get_run_logger()
    walk = startable(context.flow.fn, dict(context.parameters or {}), experiments)
    if all(step.cached for step in walk.stages):
        log.info("plan: all %d stages are in the store", len(walk.stages))
    elif here.device != "cpu" and here.gpu is None:
        log.info("no plan: the table knows no GPU %r (flows/plan/table.yaml)", here.device)
    else:
        stages = estimate(walk, Past(walk.home.manifests()), here)
        note({key: one for stage in stages for key, one in _noted(stage)})
        log.info("plan: %s; the report shows it beside what came of it", summary(stages, here))
        _begin_progress(stages, context, log)


def _to_make(stage: PlannedStage) -> list[Planned]:
    """Of each artifact to be made its share of the estimate, under every title that its stage's run may have."""
    parts = [one.name for one in stage.artifacts if one.state != "cached"]
    return [Planned((stage.title, *stage.also), part, stage.seconds / len(parts)) for part in parts]


def _noted(stage: PlannedStage) -> Iterator[tuple[tuple[str, str], Noted]]:
    """The same, with its amount of work, as the stage's run looks it up."""
    for one in (made := _to_make(stage)):
        noted = Noted(one.seconds, stage.amount / len(made), stage.unit, done)
        yield from (((title, one.part), noted) for title in one.titles)


def _begin_progress(stages: Sequence[PlannedStage], context: FlowRunContext, log: Any) -> None:
    """Let the run say how far it is."""
    if context.flow_run is None:
        return
    planned = [one for stage in stages for one in _to_make(stage)]
    cached = {one.key for stage in stages for one in stage.artifacts if one.state == "cached" and one.key}
    run = context.flow_run
    begin(RunProgress(run.name, planned, cached, store().root, str(run.id), log))


def summary(stages: Sequence[PlannedStage], here: Machine) -> str:
    """ "14 of 29 stages to make, 1.2 GPU-hours"""
    left = [one for one in stages if one.state != "cached"]
    name = "gpu_hours" if here.gpu else "core_hours"
    hours = sum(getattr(one, name) for one in left)
    said = f"{len(left)} of {len(stages)} stages to make, {hours:.2g} {name.replace('_', '-').replace('gpu', 'GPU')}"
    return (
        said
        if here.price is None
        else f"{said}, {sum(one.money or 0.0 for one in left):,.2f} at {here.price:g} an hour"
    )
