"""`rewriting-agent plan`: what a run would make, cost and be able to show. No server is started.

rewriting-agent plan --backbone Mistral-7B-Instruct-v0.3 --gpu h100-80 --gpus 4 --price 2.5
rewriting-agent plan --method sft --method sdft --seeds 3 --rates 8e-4,1.2e-3
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.asked import asked, chosen_seeds, console, flow_called
from flows.commands.options import (
    AUTO_HELP,
    HOW_MANY,
    Backbones,
    Measured,
    Methods,
    Overrides,
    Presets,
    Rates,
    Show,
    Strengths,
    Variants,
)
from flows.commands.written import writable


def plan_command(
    backbone: Backbones = None,
    method: Methods = None,
    variant: Variants = None,
    downstream: Annotated[bool, typer.Option(help="Of an ablation: fine-tune and evaluate too.")] = True,
    seeds: Annotated[str, typer.Option(help=f"{HOW_MANY}; next, as schedules have it; {AUTO_HELP}")] = "1",
    points: Show = None,
    rates: Rates = "",
    strengths: Strengths = None,
    measured: Measured = None,
    presets: Presets = None,
    overrides: Overrides = None,
    gpu: Annotated[
        str | None, typer.Option(help="Plan for this GPU, h100-80 say; else for what this machine computes on.")
    ] = None,
    gpus: Annotated[int, typer.Option(min=1, max=1024, help="How many of them one machine has.")] = 1,
    price: Annotated[float | None, typer.Option(min=0, help="Of a GPU-hour; on a CPU of a core-hour.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", callback=writable, help="Write the plan as JSON; - for the output.")
    ] = None,
    short: Annotated[bool, typer.Option("--short", help="List only what is to be made.")] = False,
) -> None:
    """What a run, study or ablation would make, cost and be able to show, and what of it cannot work.

    Ends with 1 where something cannot work. Nothing is built, downloaded or moved.
    """
    if gpu is not None:
        compute_on(gpu, gpus)
    kind, parameters = asked(
        backbone, method, variant, downstream, seeds, presets, overrides, rates, strengths, measured, auto=True
    )
    parameters |= {"seeds": chosen_seeds(kind, parameters, points)}
    from flows.plan.make import make_plan
    from flows.plan.shown import show
    from flows.plan.start import machine

    made = make_plan(flow_called(kind), parameters, machine(price, gpu))
    text = made.model_dump_json(indent=1)
    if json_file is not None and str(json_file) == "-":
        print(text)
    else:
        show(made, console, every=not short)
        if json_file is not None:
            from tasks.runtime.files.whole_file import whole

            with whole(json_file) as file:
                file.write(text + "\n")
    if made.refused:
        raise typer.Exit(1)


def compute_on(gpu: str, gpus: int) -> None:
    """Plan as on a machine with these GPUs: its locks are part of the keys."""
    from flows.plan.table import table
    from tasks.runtime.settings import settings

    if gpu not in table().gpus:
        raise typer.BadParameter(f"--gpu {gpu}: there are {', '.join(table().gpus)}")
    os.environ["REWRITING_AGENT_DEVICE"] = "cuda"
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, range(gpus)))
    settings.cache_clear()
