"""What sinks are told of a run is what its report says."""

from pathlib import Path

import pytest

from infra.dashboard.index import Index
from infra.dashboard.runs import Runs
from infra.sinks.rows import _figures, _run, runs_of, slug
from tasks.report.report import read_report
from tasks.rows.jsonl import write_rows
from tasks.runtime.store.store import Manifest, Store


def test_figures_and_curves_are_the_reports(home: Store, report: Manifest) -> None:
    data = read_report(home.path(report.key))
    base, run = runs_of(report, home)
    said = data.runs[0]
    assert (base.name, run.name) == ("tiny base", "tiny rewriting_agent/0")
    assert run.figures["averages/math"] == said.averages.math.value  # type: ignore[union-attr]
    assert run.figures["averages/math.low"] == said.averages.math.low  # type: ignore[union-attr]
    assert run.figures["scores/nano_facts"] == said.scores["nano_facts"].accuracy
    assert run.figures["scores/nano_facts.high"] == said.scores["nano_facts"].high
    assert run.figures["yield"] == 0.8
    assert run.figures["target_nll"] == said.target_nll.mean.value  # type: ignore[union-attr]
    assert run.curves["sft/loss"] == [(point.step, point.loss) for point in said.loss]
    assert run.curves["agent/reward"][0] == (1, 1.01)  # of steps.jsonl: the report has no rewards
    assert run.params == {
        "backbone": "tiny",
        "method": "rewriting_agent",
        "seed": "0",
        "sample.rows": "60",
        "finetune.learning_rate": "0.0008",
    }
    assert run.tags["report"] == report.key
    assert run.tags["commit"] == "0123456789ab"


def test_thermometers_are_those_of_the_run_alone(home: Store, report: Manifest, tmp_path: Path) -> None:
    data = read_report(home.path(report.key))
    run, own = data.runs[0], Store(tmp_path)
    folder = own.path(run.artifacts["drift"].key)
    folder.mkdir(parents=True)
    rows = [
        {"id": f"code/{n}", "thermometer": "general text: code", "nll": 2.0 + n, "nll_base": 1.0, "tokens": 9}
        for n in range(3)
    ]
    write_rows(folder / "texts.jsonl", rows)
    figures = _figures(run, data, own)
    assert figures["drift/NLL_of_general_text"] == pytest.approx(3.0)
    assert 2.0 <= figures["drift/NLL_of_general_text.low"] < 3.0 < figures["drift/NLL_of_general_text.high"] <= 4.0


def test_without_the_agents_log_the_reports_own_steps_are_told(home: Store, report: Manifest) -> None:
    data = read_report(home.path(report.key))
    gone = data.runs[0].artifacts["agent"].model_copy(update={"key": "f" * 32})
    data.runs[0].artifacts["agent"] = gone
    run = _run(data.runs[0], data, report, home)
    assert run.curves["agent/length"] == [(step, 30.0) for step in range(40)]


def test_a_run_has_one_name_whichever_report_shows_it_and_the_dashboards(home: Store, report: Manifest) -> None:
    other = next(one for one in home.manifests() if one.kind == "report" and one.key != report.key)
    assert runs_of(other, home)[0].id == runs_of(report, home)[0].id  # the base
    shown = Runs(Index(home.root))
    shown.refresh()
    assert [one.id for one in shown.of_report(report.key)] == [one.id for one in runs_of(report, home)]


@pytest.mark.parametrize(
    ("name", "told"),
    [("KL(pi_0 || pi), general answers", "KL_pi_0_pi_general_answers"), ("NLL of general text", "NLL_of_general_text")],
)
def test_names_are_what_every_sink_takes(name: str, told: str) -> None:
    assert slug(name) == told
