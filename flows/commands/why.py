"""`rewriting-agent why`: in what a stage differs from the nearest artifact of its kind. No server is started.

rewriting-agent why finetune --backbone nano --set finetune.learning_rate=1e-3
"""

from typing import Annotated, Any

import typer
from rich.text import Text

from flows.commands.asked import asked, console, flow_called
from flows.commands.options import (
    HOW_MANY,
    Backbones,
    Measured,
    Methods,
    Overrides,
    Presets,
    Rates,
    Strengths,
    Variants,
)


def why_command(
    name: Annotated[str, typer.Argument(help="A stage (finetune), the beginning of its run's name, or of a key.")],
    backbone: Backbones = None,
    method: Methods = None,
    variant: Variants = None,
    seeds: Annotated[str, typer.Option(help=f"{HOW_MANY}; or next, as schedules have it.")] = "1",
    rates: Rates = "",
    strengths: Strengths = None,
    measured: Measured = None,
    presets: Presets = None,
    overrides: Overrides = None,
) -> None:
    """Why a stage of an experiment is not cached: in what it differs from the nearest artifact of its kind. Of a key
    in the store: in what that differs from its own nearest."""
    from flows.plan.start import walk_through
    from tasks.runtime.planning import expected_in
    from tasks.runtime.stage import store
    from tasks.runtime.store.differences import nearest

    home = store()
    manifests = home.manifests()
    there = [one for one in manifests if one.key.startswith(name) or ("/" in name and one.name.startswith(name))]
    there = there if len(name) >= 4 else []
    if there:
        for one in there:
            _tell(one.run.get("task_run") or one.kind, one.key, "is in the store", nearest(one, manifests))
        return
    kind, parameters = asked(backbone, method, variant, True, seeds, presets, overrides, rates, strengths, measured)
    walk = walk_through(flow_called(kind), parameters)
    steps = [step for step in walk.stages if name in (step.kind, step.title) or step.title.startswith(name)]
    steps = steps or [
        step for step in walk.stages if any((part.key or "").startswith(name) for part in step.parts.values())
    ]
    if not steps:
        kinds = dict.fromkeys(step.kind for step in walk.stages)
        raise typer.BadParameter(f"{name!r}: no key in {home.root} begins so, and no stage's name: {', '.join(kinds)}")
    for step in steps:
        for part_name, part in step.parts.items():
            title = step.title if len(step.parts) == 1 else f"{step.title} {part_name}"
            if part.found is not None:
                console.print(Text(f"{title} {part.manifest.key[:12]}: cached"), soft_wrap=True)
                continue
            before = list(dict.fromkeys(one.step.title for one in expected_in(step.inputs) if not one.step.cached))
            state = "is gone on with, where a killed attempt left it" if part.begun else "is to be made"
            state += f", after {', '.join(before)}" if before else ""
            _tell(title, part.key, state, nearest(part.manifest, manifests))


def _tell(title: str, key: str | None, state: str, near: Any) -> None:
    shown = f" {key[:12]}" if key else ""
    console.print(Text(f"{title}{shown} {state}"), soft_wrap=True)
    if near is None:
        console.print("  nothing of its kind is in the store", soft_wrap=True)
        return
    other, found = near
    said = other.run.get("task_run") or other.kind
    flow = other.run.get("flow_run")
    console.print(
        Text(f"  nearest: {said} {other.key[:12]}" + (f", of the run {flow}" if flow else "")), soft_wrap=True
    )
    for one in found:
        console.print(Text(f"    {one.what} {one.name}: {one.ours}, there {one.theirs}"), soft_wrap=True)
    if not found:
        console.print("    nothing that is in a key differs", soft_wrap=True)
