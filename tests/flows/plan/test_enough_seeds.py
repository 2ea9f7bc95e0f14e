"""`--seeds auto` is the least number that shows the difference, said with its reason, or a refusal."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from flows import cli
from flows.commands.asked import asked, chosen_seeds
from flows.commands.options import AUTO
from flows.plan.enough_seeds import FEWEST, MOST, NotEnough, enough
from flows.plan.power import Power, least_difference


def of(between: float, n: int = 10_000, psi: float = 0.1, seeds: int = 1) -> Power:
    """Of one general benchmark with so many questions; `between` in points."""
    least = [100 * least_difference({"a": n}, {"a": psi}, tau, seeds) for tau in (between / 100, 0.0)]
    return Power("general", n, 1, seeds, *least, psi, between, "made up")


@pytest.mark.parametrize("seeds", [1, 4])
def test_it_is_the_least_number_with_which_the_difference_is_found(seeds: int) -> None:
    power = of(1.2, seeds=seeds)
    found = enough(power, 2.0)
    before, shown = (
        100 * least_difference({"a": 10_000}, {"a": 0.1}, 0.012, n) for n in (found.seeds - 1, found.seeds)
    )
    assert [power.with_seeds(found.seeds - 1), power.with_seeds(found.seeds)] == pytest.approx([before, shown])
    assert shown <= 2.0 < before and FEWEST < found.seeds < MOST
    assert f"{shown:.1f} points are found" in found.said and f"--seeds {found.seeds}" in found.said


def test_it_stays_between_three_and_sixteen_and_says_so() -> None:
    assert enough(of(0.1), 2.0).seeds == FEWEST and "no fewer than 3" in enough(of(0.1), 2.0).said
    capped = enough(of(4.0), 2.0)
    assert capped.seeds == MOST and "(at most; 2 points ask for more)" in capped.said


def test_where_the_questions_alone_hide_it_no_number_is_chosen() -> None:
    with pytest.raises(NotEnough, match=r"400 general questions of 1 benchmark show no less than 4\.4 points"):
        enough(of(1.2, n=400), 2.0)


def test_auto_becomes_a_number_before_the_flow_is_asked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind, parameters = asked(None, ["sft", "sdft"], None, True, AUTO, ["smoke"], None, auto=True)
    assert chosen_seeds(kind, parameters, 23.5) == list(range(4)), "if seeds agree, 24 questions show 22.1 points"
    assert "--seeds auto: 4 seeds: with 24 general questions" in capsys.readouterr().err
    assert chosen_seeds(kind, parameters | {"seeds": [0, 1]}, None) == [0, 1]
    with pytest.raises(typer.BadParameter, match="nothing is fine-tuned"):
        chosen_seeds(*asked(None, None, ["no_div"], False, AUTO, ["smoke"], None, auto=True), None)
    with pytest.raises(typer.BadParameter, match="--show goes with --seeds auto"):
        chosen_seeds(kind, parameters | {"seeds": [0]}, 2.0)
    with pytest.raises(typer.BadParameter, match=r"a whole number from 1, or a range as 4-7, or next$"):
        asked(None, ["sft"], None, True, AUTO, None, None)


def test_plan_and_study_take_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")  # nobody is there, and nobody is asked
    run, small = CliRunner(env={"COLUMNS": "200"}), ["--seeds", AUTO, "--method", "sft", "--preset", "smoke"]
    refused = run.invoke(cli.app, ["study", *small])
    assert refused.exit_code == 2 and "however many the seeds" in " ".join(refused.stderr.replace("│", " ").split())
    planned = run.invoke(cli.app, ["plan", "--json", "-", *small, "--show", "30"])
    assert "--seeds auto: 3 seeds (no fewer than 3)" in planned.stderr
    made = json.loads(planned.stdout)
    assert {one["seeds"] for one in made["power"]} == {3}
    assert "finetune nll seed 2 (sft/2)" in {stage["title"] for stage in made["stages"]}
