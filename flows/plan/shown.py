"""A plan as a terminal shows it: a table of the stages, what they cost, what they can show, and what cannot work."""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.plan.memory import GB
from flows.plan.plan import Plan, PlannedStage
from tasks.runtime import show as ui
from tasks.runtime.progress.durations import duration

WIDE = 112  # columns in which keys are shown as well


def show(plan: Plan, console: Console, every: bool = True) -> None:
    """Print it. Without `every` cached stages are counted, not listed."""
    wide = console.width >= WIDE
    names = ["stage", *(["key"] if wide else []), "", "work", "time", "GPU-h" if plan.gpus else "core-h"]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in [*names, *(["money"] if plan.price else []), *(["GB a GPU"] if plan.gpus else [])]:
        left = name in ("stage", "key", "")
        table.add_column(name, no_wrap=name != "stage", justify="left" if left else "right")
    for stage in plan.stages:
        if every or stage.state != "cached":
            stage_name, key, *rest = _cells(stage, plan)
            table.add_row(stage_name, *([key] if wide else []), *rest)
    console.print(table)
    for line in lines(plan):
        console.print(Text(line), soft_wrap=True)
    for said in plan.refused:
        console.print(Text(f"cannot work: {said}", style="red"), soft_wrap=True)


def _cells(stage: PlannedStage, plan: Plan) -> Iterator[str]:
    keys = [one.key for one in stage.artifacts]
    several = f" +{len(keys) - 1}" if len(keys) > 1 else ""
    yield stage.title + (f" and {len(stage.also)} more" if stage.also else "")
    yield (keys[0][:8] if keys[0] else "–") + several
    yield stage.state
    if stage.state == "cached":
        yield f"{count(stage.rows)} rows" if stage.rows else ""
        yield from [""] * (2 + bool(plan.price) + bool(plan.gpus))
        return
    yield f"{count(stage.amount)} {stage.unit}"
    yield duration(stage.seconds)
    yield f"{stage.gpu_hours if plan.gpus else stage.core_hours:.2g}"
    if plan.price:
        yield f"{stage.money or 0:,.2f}"
    if plan.gpus:
        too_much = " !" if stage.fits is False else ""
        yield "" if stage.memory is None else f"{stage.memory / GB:.0f}{too_much}"


def because(plan: Plan) -> Iterator[str]:
    """Why the stages that wait for none are to be made, those of one kind and reason in one line."""
    told: dict[str, list[str]] = {}
    for stage in plan.stages:
        for one in stage.artifacts:
            if one.state != "cached" and one.key is not None and stage.title not in told.setdefault(one.why, []):
                told[one.why].append(stage.title)
    for why, titles in told.items():
        more = f" and {len(titles) - 2} more" if len(titles) > 2 else ""
        yield f"{', '.join(titles[:2])}{more}: {why}"


def sources(plan: Plan) -> Iterator[str]:
    """By what the times were reckoned, each source once."""
    told: dict[str, list[str]] = {}
    for stage in plan.stages:
        if stage.source and stage.kind not in told.setdefault(stage.source, []):
            told[stage.source].append(stage.kind)
    for source, kinds in told.items():
        yield f"{', '.join(kinds)}: {source}"


def lines(plan: Plan) -> Iterator[str]:
    """What stands below the table."""
    left = [stage for stage in plan.stages if stage.state != "cached"]
    made = sum(one.state != "cached" for stage in plan.stages for one in stage.artifacts)
    disk = plan.total("disk") / GB
    yield f"{len(left)} of {len(plan.stages)} stages to make, {made} artifacts, {disk:.2g} GB of disk"
    if left:
        share = sum(stage.seconds for stage in left if stage.measured) / sum(stage.seconds for stage in left)
        of = f"{plan.total('gpu_hours'):,.3g} GPU-hours" if plan.gpus else f"{plan.total('core_hours'):,.3g} core-hours"
        cost = f", {plan.total('money'):,.2f} at {plan.price:g} an hour" if plan.price else ""
        yield (
            f"{of}{cost} on {plan.device}; {share:.0%} of the time by what this store measured at this size, "
            "the rest by the shipped table (docs/plan.md)"
        )
        yield "\nnot there, and not for want of an input:"
        yield from (f"  {line}" for line in because(plan))
        yield "times:"
        yield from (f"  {line}" for line in sources(plan))
        yield ""
    for one in plan.power:
        yield (
            f"{one.group}: {one.questions:,} questions of {one.benchmarks} benchmarks, {one.seeds} "
            f"seed{'s' if one.seeds > 1 else ''}: differences of {one.points:.1f} points are found at 80 % power "
            f"({one.of_questions:.1f} if seeds agreed; 5 % before Holm's correction, paired by question; {one.source}"
            f"{'; as if the spread were known, for one seed carries no p' if one.seeds == 1 else ''})"
        )


def count(value: float) -> str:
    """ "1,377", "859K", "13.3M" """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "K")):
        if value >= size:
            short = value / (1e3 if letter == "K" else size)
            return f"{short:.3g}{letter}" if short < 1000 else f"{short:.0f}{letter}"
    return f"{value:,.0f}"


def markdown(plan: Plan) -> str:
    """The plan as the UI shows it: what is to be made, what it costs, what it can show."""
    names = ["stage", "key", "state", "work", "time", "GPU-hours" if plan.gpus else "core-hours"]
    names += (["money"] if plan.price else []) + (["GB a GPU"] if plan.gpus else [])
    rows = [list(_cells(stage, plan)) for stage in plan.stages if stage.state != "cached"]
    refused = [f"**Cannot work:** {said}" for said in plan.refused]
    return "\n\n".join([*refused, ui.table(names, rows), *(line for line in lines(plan) if line.strip())])
