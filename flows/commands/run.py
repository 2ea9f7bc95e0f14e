"""`rewriting-agent run`, `study` and `ablation`: the flows that make everything, from corpora to a report.

rewriting-agent run --backbone nano --method sdft
rewriting-agent study --backbone nano --seeds 3
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands.asked import chosen_seeds, rates_of, seeds_of
from flows.commands.options import (
    AUTO,
    AUTO_HELP,
    HOW_MANY,
    Backbone,
    Backbones,
    Json,
    Measured,
    Overrides,
    Presets,
    Rates,
    Show,
    Strengths,
)
from flows.commands.running import (
    changes,
    check,
    known_methods,
    prepare_prefect,
    run_flow,
    show_reports,
    write_reports,
)
from flows.commands.tables import show_tables
from flows.commands.written import writable
from tasks.methods.method import methods


def run_command(
    backbone: Backbone = "nano",
    method: Annotated[
        str,
        typer.Option(help=f"{', '.join(methods())}; SFT is always run beside it. What each does: docs/methods.md."),
    ] = "rewriting_agent",
    seed: Annotated[
        str,
        typer.Option(
            help="Seed of training, the rows are the same for all; next: the first that was not run, reported with "
            "those before it, as schedules do."
        ),
    ] = "0",
    presets: Presets = None,
    overrides: Overrides = None,
    json_file: Json = None,
) -> None:
    """Run one method on one backbone, from the corpora to a report. What is already made is not made again."""
    server = prepare_prefect()
    known_methods([method])
    if seed != "next" and not seed.isdecimal():
        raise typer.BadParameter(f"--seed {seed}: a whole number from 0, or next")
    check([backbone], presets, overrides, [method])
    from flows.pipeline import pipeline

    asked = {"method": method, "seeds": "next" if seed == "next" else [int(seed)], "backbone": backbone}
    [made] = run_flow(pipeline, asked | changes(presets, overrides), server)
    show_reports(made, json_file)


def study_command(
    backbone: Backbones = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Methods to compare, of {', '.join(methods())}; repeatable. Default: "
            f"{', '.join(name for name, one in methods().items() if one.studied)}."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help=f"{HOW_MANY}; {AUTO_HELP}")] = "1",
    points: Show = None,
    rates: Rates = "",
    strengths: Strengths = None,
    measured: Measured = None,
    presets: Presets = None,
    overrides: Overrides = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", callback=writable, help='Also write {"reports": […]}, one a backbone (docs/report.md).'),
    ] = None,
) -> None:
    """Compare methods over backbones and seeds: the paper's Table 1. Reuses every artifact that is there."""
    server = prepare_prefect()
    from flows.experiment import STUDIED

    compared = known_methods(method or STUDIED)
    backbones = backbone or ["nano"]
    check(backbones, presets, overrides, compared, strengths or ())
    from flows.incomplete import Incomplete
    from flows.study import study as study_flow

    asked: dict[str, Any] = {"methods": compared, "backbones": backbones, "rates": rates_of(rates)}
    asked |= {"seeds": seeds_of(seeds, AUTO), "strengths": strengths or [], "measured": measured or []}
    asked |= changes(presets, overrides)
    asked |= {"seeds": chosen_seeds("study", asked, points)}
    failed = None
    try:
        reports = run_flow(study_flow, asked, server)
    except Incomplete as error:
        reports, failed = error.reports, error
    for made in reports:
        show_reports(made)
    show_tables([one for one in reports if one.kind == "report"])
    if json_file:
        write_reports([one for one in reports if one.kind == "report"], json_file)
    if failed:
        raise failed


def ablation_command(
    backbone: Backbone = "nano",
    variant: Annotated[
        list[str] | None,
        typer.Option(
            help="no_dist, no_div, task_only, soft_shaping, success_only, k5, k10, k15 or k20; repeatable. "
            "Default: all."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help=f"{HOW_MANY}.")] = "1",
    downstream: Annotated[
        bool, typer.Option(help="Fine-tune and evaluate too; else agents are only measured on held-out rows.")
    ] = True,
    presets: Presets = None,
    overrides: Overrides = None,
    json_file: Json = None,
) -> None:
    """Take parts of the reward or of the construction away: the paper's Tables 3, 4, 5 and 7, and Figures 3 and 4."""
    server = prepare_prefect()
    from flows.ablation import VARIANTS
    from flows.ablation import ablation as ablation_flow

    variants = variant or list(VARIANTS)
    if unknown := set(variants) - set(VARIANTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: none of {', '.join(VARIANTS)}")
    check([backbone], presets, overrides)
    asked = {"variants": variants, "seeds": seeds_of(seeds), "downstream": downstream, "backbone": backbone}
    [made] = run_flow(ablation_flow, asked | changes(presets, overrides), server)
    show_reports(made, json_file)
    show_tables([made])
