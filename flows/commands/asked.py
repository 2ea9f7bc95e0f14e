"""What `plan` and `why` ask: the arguments of run, study and ablation, as the parameters of the flow that is meant.

In:  --backbone nano --method sft --method sdft --seeds 3 --rates 8e-4,1.2e-3
Out: "study", {"methods": ["sft", "sdft"], "seeds": [0, 1, 2], "backbones": ["nano"], "rates": [0.0008, 0.0012], …}
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from flows.commands.options import AUTO

console = Console(width=None if sys.stdout.isatty() else 112)  # in a file or a pipe nothing is folded for want of room


def asked(
    backbones: list[str] | None,
    methods: list[str] | None,
    variants: list[str] | None,
    downstream: bool,
    seeds: str,
    presets: list[str] | None,
    overrides: list[str] | None,
    rates: str = "",
    strengths: list[str] | None = None,
    measured: list[Path] | None = None,
    auto: bool = False,
) -> tuple[str, dict[str, Any]]:
    """Which flow is meant, and the parameters of its form.

    Args:
        auto: the number of seeds may be left to `chosen_seeds`, which then takes its place.
    """
    no_server()
    if (rates or strengths or measured) and variants:
        asked_for = "--rates is" if rates else "--strengths are" if strengths else "--measured is"
        raise typer.BadParameter(f"{asked_for} of a study, --variant of an ablation: ask for one of them")
    from flows.experiment import STUDIED, known_method
    from flows.form import FormError, experiment_of
    from flows.strengths import at_strengths

    try:
        methods = [known_method(name) for name in methods or ()]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    counted = seeds_of(seeds, "next", *([AUTO] if auto else []))
    names = backbones or ["nano"]
    try:
        made = [experiment_of(name, presets or (), overrides or (), of=methods) for name in names]
        at_strengths(made, dict.fromkeys(("sft", *(methods or STUDIED))), strengths or ())
    except FormError as error:
        raise typer.BadParameter(str(error)) from None
    common: dict[str, Any] = {"preset": presets or [], "changes": overrides or []}
    common["seeds"] = counted
    if variants:
        return "ablation", common | {"variants": variants, "downstream": downstream, "backbone": names[0]}
    if rates or strengths or measured or len(names) > 1 or len(methods or ()) > 1:
        studied: dict[str, Any] = {"methods": methods or list(STUDIED), "backbones": names}
        studied |= {"rates": rates_of(rates), "strengths": strengths or [], "measured": measured or []}
        return "study", common | studied
    return "pipeline", common | {"method": (methods or ["rewriting_agent"])[0], "backbone": names[0]}


def seeds_of(given: str, *words: str) -> list[int] | str:
    """[0, 1, 2] of --seeds 3, [4, 5] of 4-5; one of the words as it is."""
    if given in words:
        return given
    if not (found := re.fullmatch(r"(?:(\d{1,6})-)?(\d{1,6})", given, re.ASCII)):
        raise typer.BadParameter(
            f"--seeds {given}: {', or '.join(('a whole number from 1', 'a range as 4-7', *words))}"
        )
    first, last = found.groups()
    seeds = list(range(int(last)) if first is None else range(int(first), int(last) + 1))
    if not seeds:
        raise typer.BadParameter(f"--seeds {given}: holds no seed")
    return seeds


def chosen_seeds(kind: str, parameters: dict[str, Any], points: float | None) -> list[int] | str:
    """The seeds that are asked for; of auto those that it stands for now, which is said, with why."""
    if parameters["seeds"] != AUTO:
        if points is not None:
            raise typer.BadParameter("--show goes with --seeds auto")
        return parameters["seeds"]
    from flows.plan.enough_seeds import POINTS, NotEnough, enough_seeds

    try:
        found = enough_seeds(flow_called(kind), parameters, POINTS if points is None else points)
    except NotEnough as error:
        raise typer.BadParameter(f"--seeds auto: {error}") from None
    typer.echo(f"--seeds auto: {found.said}", err=True)
    return list(range(found.seeds))


def rates_of(given: str) -> list[float]:
    """[0.0008, 0.0012] of --rates 8e-4,1.2e-3."""
    try:
        rates = [float(one) for one in given.split(",") if one.strip()]
    except ValueError:
        raise typer.BadParameter(f"--rates {given}: numbers with commas between, as in --rates 8e-4,1.2e-3") from None
    if any(rate <= 0 for rate in rates):
        raise typer.BadParameter(f"--rates {given}: a learning rate is above 0")
    return rates


def flow_called(kind: str) -> Callable[..., Any]:
    """The function of pipeline, study or ablation."""
    if kind == "study":
        from flows.study import study

        return study.fn
    if kind == "ablation":
        from flows.ablation import ablation

        return ablation.fn
    from flows.pipeline import pipeline

    return pipeline.fn


def no_server() -> None:
    """Prefect's own files lie in the project; none of its servers is asked or started."""
    from tasks.runtime.settings import settings

    os.environ.setdefault("PREFECT_HOME", str(settings().environments / "prefect"))
