"""The paper's tables: its own values agree with each other where it says so, ours stand beside them where they may."""

import numpy as np
import pytest
from rich.console import Console

from tasks.evaluate.config import PAPER_GENERAL, PAPER_MATH
from tasks.report.computed.stability import WINDOW, stability
from tasks.report.figures.paper_figures import success_only, sweep
from tasks.report.reading.artifacts import own_yield
from tasks.report.schema.run_data import LossPoint, Score
from tasks.report.views.paper_tables import tables
from tasks.report.views.paper_values import values
from tasks.report.views.table import markdown_table, rich_table
from tests.tasks.report.averages import averages, change

ROWS = [
    (table, backbone, method)
    for table in ("table_6", "table_7")
    for backbone, rows in values()[table].items()
    for method in rows
]
ABLATED = {name: rows for table in ("table_3", "table_4", "table_5") for name, rows in values()[table].items()}
# What the paper prints beside what its own rows give (docs/paper.md).
MISPRINTED = {
    ("table_1", "Llama-3.2-3B-Instruct", "rewriting_agent", "general"): (43.17, 43.57),
    ("table_1", "Mistral-7B-Instruct-v0.3", "sft", "math"): (16.36, 15.37),
    ("table_3", "Llama-3.2-3B-Instruct", "rewriting_agent", "general"): (43.14, 43.57),
    ("table_3", "Llama-3.2-3B-Instruct", "task_only", "math"): (20.07, 20.00),
    ("table_4", "Llama-3.2-3B-Instruct", "rewriting_agent", "general"): (43.17, 43.57),
    ("table_5", "Llama-3.2-3B-Instruct", "rewriting_agent", "general"): (43.14, 43.57),
}


def _averages(table, backbone, method):
    row = values()[table][backbone][method]
    return averages(dict(zip(PAPER_MATH + PAPER_GENERAL, row, strict=True)), PAPER_MATH, PAPER_GENERAL)


def _printed(table, backbone, method):
    """(table, MathAvg, GeneralAvg) wherever the paper prints the averages of this row."""
    where = ["table_1"] if table == "table_6" else ["table_3", "table_4", "table_5"]
    for name in where:
        if row := values()[name].get(backbone, {}).get(method):
            yield name, *{"table_1": (row[0], row[2]), "table_4": tuple(row[1:])}.get(name, tuple(row[:2]))


def test_tables_6_and_7_have_their_21_rows():
    assert len(ROWS) == len(set(ROWS)) == 21
    assert all(next(_printed(*row), None) for row in ROWS)


@pytest.mark.parametrize(("table", "backbone", "method"), ROWS)
def test_the_averages_of_every_row_are_those_that_the_paper_prints(table, backbone, method):
    found = _averages(table, backbone, method)
    for where, math, general in _printed(table, backbone, method):
        for group, printed, ours in (("math", math, found.math), ("general", general, found.general)):
            said, truly = MISPRINTED.get((where, backbone, method, group), (printed, printed))
            assert printed == said and ours == pytest.approx(truly, abs=0.0151), (where, group)


@pytest.mark.parametrize(("backbone", "method"), [(b, m) for t, b, m in ROWS if t == "table_6" and m != "base"])
def test_the_changes_of_table_1_follow_from_its_averages(backbone, method):
    math, gain, general, drop, overall = values()["table_1"][backbone][method]
    base = _averages("table_6", backbone, "base")
    found = change(type(base)(math, general), base)
    assert (found.math_gain, found.general_drop) == pytest.approx((gain, drop), abs=0.12)
    assert overall == pytest.approx((math + general) / 2, abs=0.011)


def _as_the_paper(data, backbone="Llama-3.2-3B-Instruct"):
    """The report as if it were of one of the paper's backbones, on its benchmarks."""
    names = {"math": list(PAPER_MATH), "general": list(PAPER_GENERAL)}
    scores = {name: Score(accuracy=0.25, n=8, correct=2, low=0.1, high=0.6) for of in names.values() for name in of}
    runs = [run.model_copy(update={"scores": scores}) for run in data.runs]
    base = data.base.model_copy(update={"scores": scores})
    of = data.backbone.model_copy(update={"name": backbone})
    return data.model_copy(update={"backbone": of, "benchmarks": names, "runs": runs, "base": base})


def test_ours_stand_beside_the_papers_for_its_backbones_alone_in_one_set_of_tables(report_data):
    found = {one.title[:7]: one for one in tables([_as_the_paper(report_data), report_data])}
    first = found["Table 1"].lines
    assert [line.name for line in first if line.head] == ["Llama-3.2-3B-Instruct", "nano"]
    agent, toy = [line for line in first if line.name == "+ rewriting agent"]
    assert [cell.paper for cell in agent.cells] == ["21.12", "11.75", "43.17", "4.51", "32.15"]
    assert agent.cells[0].ours == f"{100 * report_data.summaries[-1].averages.math.value:.2f}"
    assert not any(cell.paper for cell in toy.cells)
    assert found["Table 2"].columns == ("Llama-3.2-3B-Instruct", "nano")
    assert [cell.paper for cell in found["Table 2"].lines[0].cells] == ["66.33", ""]
    sixes = [one for one in tables([_as_the_paper(report_data), report_data]) if one.title.startswith("Table 6")]
    assert sixes[0].columns == PAPER_MATH + PAPER_GENERAL and len(sixes) == 2
    text = markdown_table(found["Table 1"])
    assert "[43.17]" in text and text.count("\n|") == len(first) + 2
    console = Console(width=200, record=True)
    console.print(rich_table(found["Table 1"]))
    assert "[55.23]" not in console.export_text() and "Table 3" not in found


def test_a_paper_backbone_on_other_benchmarks_has_no_paper_accuracies(report_data):
    other = report_data.model_copy(update={"backbone": _as_the_paper(report_data).backbone})
    with_paper = [one.title[:7] for one in tables([other]) if one.has_paper]
    assert with_paper == ["Table 2"]


def test_reports_of_one_backbone_are_told_apart_by_their_learning_rate(report_data):
    at = [report_data.model_copy(update={"config": {"finetune": [{"learning_rate": rate}]}}) for rate in (8e-4, 2e-3)]
    assert [line.name for line in tables(at)[0].lines if line.head] == ["nano at 0.0008", "nano at 0.002"]


def test_variants_fill_tables_3_to_5_and_7_and_figures_3_and_4(report_data):
    agent = next(row for row in report_data.summaries if row.method == "rewriting_agent")
    run = next(run for run in report_data.runs if run.method == "rewriting_agent")
    names = ("no_dist", "soft_shaping", "success_only", "k5", "k20")
    data = report_data.model_copy(
        update={
            "summaries": [*report_data.summaries, *(agent.model_copy(update={"method": name}) for name in names)],
            "runs": [*report_data.runs, *(run.model_copy(update={"method": name}) for name in names)],
        }
    )
    found = {one.title[:7]: [line.name for line in one.lines] for one in tables([data])}
    assert found["Table 3"] == ["nano", "rewriting agent", "w/o r_dist"]
    assert found["Table 4"] == ["nano", "rewriting agent", "success-only"]
    assert found["Table 5"] == ["nano", "rewriting agent", "soft shaping"]
    assert len(found["Table 7"]) == 5 and "k5" not in str(found)
    assert success_only(data, 900) and sweep(data, 900) and sweep(data, 380)
    assert success_only(report_data, 900) is None and sweep(report_data, 900) is None


def test_the_yield_is_of_a_methods_own_rewrites():
    """Mind the Gap asks for rewrites where pi_0's own solution fails, not for those that SDFT left in the store."""
    sdft = {
        "yield_passed": 60,
        "yield_of": 100,
        "kinds": {"rewrite": 60, "expert": 40},
        "fallback_reasons": {"wrong": 40},
    }
    gap = {"yield_passed": 60, "yield_of": 100, "kinds": {"self_solution": 50, "rewrite": 20, "expert": 30}}
    assert own_yield(sdft) == (60, 100)
    assert own_yield(gap | {"fallback_reasons": {"wrong": 25, "cut off": 5}}) == (20, 50)
    assert own_yield({"kinds": {"expert": 100}}) is None


def test_a_leap_of_the_loss_is_a_spike_and_noise_is_none():
    random = np.random.default_rng(0)
    losses = 1 + random.normal(0, 0.05, 200)
    calm = [LossPoint(step=at, loss=float(loss), grad_norm=1.0) for at, loss in enumerate(losses)]
    found = stability(calm)
    assert found.steps == 200 and found.spikes <= 2 and found.grad_norm == found.grad_norm_most == 1.0
    wild = [point.model_copy(update={"loss": point.loss + (1.0 if point.step % 50 == 30 else 0)}) for point in calm]
    assert stability(wild).spikes == found.spikes + 4 and stability(wild).roughness > found.roughness
    assert stability(calm[: WINDOW - 1]).spikes == 0 and stability([]) is None
    assert stability([LossPoint(step=1, loss=None)]) is None
