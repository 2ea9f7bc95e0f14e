"""`rewriting-agent plan` and `why`: what a run would make, and why it is not there yet. No server is started.

rewriting-agent plan --backbone Mistral-7B-Instruct-v0.3 --gpu h100-80 --gpus 4 --price 2.5
rewriting-agent why finetune --backbone nano --set finetune.learning_rate=1e-3
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

console = Console(width=None if sys.stdout.isatty() else 112)  # in a file or a pipe nothing is folded for want of room

Backbones = Annotated[
    list[str] | None,
    typer.Option("--backbone", "-b", help="As for run and study; several are one study. Default: nano."),
]
Presets = Annotated[list[str] | None, typer.Option("--preset", "-p", help="As for run; repeatable.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="As for run; repeatable.")]
Methods = Annotated[
    list[str] | None,
    typer.Option(help="Methods, repeatable; one: what run makes (the default, rewriting_agent), several: study."),
]
Variants = Annotated[list[str] | None, typer.Option("--variant", help="What ablation makes; repeatable.")]
Seeds = Annotated[str, typer.Option(help="How many training seeds, from 0; or next, as schedules have it.")]


def plan_command(
    backbone: Backbones = None,
    method: Methods = None,
    variant: Variants = None,
    downstream: Annotated[bool, typer.Option(help="Of an ablation: fine-tune and evaluate too.")] = True,
    seeds: Seeds = "1",
    presets: Presets = None,
    overrides: Overrides = None,
    gpu: Annotated[
        str | None, typer.Option(help="Plan for this GPU, h100-80 say; else for what this machine computes on.")
    ] = None,
    gpus: Annotated[int, typer.Option(min=1, max=1024, help="How many of them one machine has.")] = 1,
    price: Annotated[float | None, typer.Option(min=0, help="Of a GPU-hour; on a CPU of a core-hour.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the plan as JSON; - for the output.")] = None,
    short: Annotated[bool, typer.Option("--short", help="List only what is to be made.")] = False,
) -> None:
    """What a run, study or ablation would make, cost and be able to show, and what of it cannot work.

    Ends with 1 where something cannot work. Nothing is built, downloaded or moved.
    """
    if gpu is not None:
        compute_on(gpu, gpus)
    kind, parameters = _asked(backbone, method, variant, downstream, seeds, presets, overrides)
    from flows.plan.shown import show

    made = plan_of(kind, parameters, gpu, price)
    text = made.model_dump_json(indent=1)
    if json_file is not None and str(json_file) == "-":
        print(text)
    else:
        show(made, console, every=not short)
        if json_file is not None:
            from tasks.runtime.whole_file import whole

            with whole(json_file) as file:
                file.write(text + "\n")
    if made.refused:
        raise typer.Exit(1)


def why_command(
    name: Annotated[str, typer.Argument(help="A stage (finetune), the beginning of its run's name, or of a key.")],
    backbone: Backbones = None,
    method: Methods = None,
    variant: Variants = None,
    seeds: Seeds = "1",
    presets: Presets = None,
    overrides: Overrides = None,
) -> None:
    """Why a stage of an experiment is not cached: in what it differs from the nearest artifact of its kind. Of a key
    in the store: in what that differs from its own nearest."""
    from tasks.runtime.differences import nearest
    from tasks.runtime.stage import store

    home = store()
    manifests = home.manifests()
    there = [one for one in manifests if one.key.startswith(name) or ("/" in name and one.name.startswith(name))]
    there = there if len(name) >= 4 else []
    if there:
        for one in there:
            _tell(one.run.get("task_run") or one.kind, one.key, "is in the store", nearest(one, manifests))
        return
    kind, parameters = _asked(backbone, method, variant, True, seeds, presets, overrides)
    walk = _walk(kind, parameters)
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
            before = list(dict.fromkeys(one.step.title for one in expected(step) if not one.step.cached))
            state = "is gone on with, where a killed attempt left it" if part.begun else "is to be made"
            state += f", after {', '.join(before)}" if before else ""
            _tell(title, part.key, state, nearest(part.manifest, manifests))


def plan_of(kind: str, parameters: dict[str, Any], gpu: str | None = None, price: float | None = None) -> Any:
    """The plan of a flow, pipeline, study or ablation, with the parameters of its form."""
    from dataclasses import replace

    from flows.form import experiments_of
    from flows.plan.estimate import Plan, estimate
    from flows.plan.power import power
    from flows.plan.speed import Past
    from flows.plan.start import machine, survey

    here = machine(price)
    here = here if gpu is None else replace(here, device=gpu)
    walk, refused = survey(_flow(kind), parameters, experiments_of(parameters), here)
    made = Plan(device=here.device, gpus=here.gpus if here.gpu else 0, price=price, stages=[], refused=refused)
    if walk is None:
        return made
    past = Past(walk.home.manifests())
    stages = estimate(walk, past, here)
    questions = {name: rows for one in stages if one.kind == "evaluate" for name, rows in one.rows_each.items()}
    asked = parameters["seeds"]
    count = 1 if asked == "next" else len(asked)
    return made.model_copy(update={"stages": stages, "power": power(questions, count, walk.home, past.manifests)})


def expected(step: Any) -> list[Any]:
    """The expected inputs of a step."""
    from tasks.runtime.planning import expected_in

    return list(expected_in(step.inputs))


def _walk(kind: str, parameters: dict[str, Any]) -> Any:
    from flows.plan.start import walk_through

    return walk_through(_flow(kind), parameters)


def _flow(kind: str) -> Callable[..., Any]:
    if kind == "study":
        from flows.study import study

        return study.fn
    if kind == "ablation":
        from flows.ablation import ablation

        return ablation.fn
    from flows.pipeline import pipeline

    return pipeline.fn


def _asked(
    backbones: list[str] | None,
    methods: list[str] | None,
    variants: list[str] | None,
    downstream: bool,
    seeds: str,
    presets: list[str] | None,
    overrides: list[str] | None,
) -> tuple[str, dict[str, Any]]:
    """Which flow is meant, and the parameters of its form."""
    no_server()
    from flows.experiment import STUDIED, known_method
    from flows.form import FormError, experiment_of

    try:
        methods = [known_method(name) for name in methods or ()]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if seeds != "next" and not (seeds.isdecimal() and int(seeds)):
        raise typer.BadParameter(f"--seeds {seeds}: a whole number from 1, or next")
    names = backbones or ["nano"]
    try:
        for name in names:
            experiment_of(name, presets or (), overrides or ())
    except FormError as error:
        raise typer.BadParameter(str(error)) from None
    common: dict[str, Any] = {"preset": presets or [], "changes": overrides or []}
    common["seeds"] = "next" if seeds == "next" else list(range(int(seeds)))
    if variants:
        return "ablation", common | {"variants": variants, "downstream": downstream, "backbone": names[0]}
    if len(names) > 1 or len(methods or ()) > 1:
        return "study", common | {"methods": methods or list(STUDIED), "backbones": names}
    return "pipeline", common | {"method": (methods or ["rewriting_agent"])[0], "backbone": names[0]}


def compute_on(gpu: str, gpus: int) -> None:
    """Plan as on a machine with these GPUs: its locks are part of the keys."""
    from flows.plan.table import table
    from tasks.runtime.settings import settings

    if gpu not in table().gpus:
        raise typer.BadParameter(f"--gpu {gpu}: there are {', '.join(table().gpus)}")
    os.environ["REWRITING_AGENT_DEVICE"] = "cuda"
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, range(gpus)))
    settings.cache_clear()


def no_server() -> None:
    """Prefect's own files lie in the project; none of its servers is asked or started."""
    from tasks.runtime.settings import settings

    os.environ.setdefault("PREFECT_HOME", str(settings().environments / "prefect"))


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
