"""The line of forgetting: what it is drawn through, what its interval holds, and when there is none."""

import json
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.report.computed.forgetting import Trained, forgetting
from tasks.report.figures.chart import NARROW, WIDE
from tasks.report.figures.forgetting_figure import forgetting_figure
from tasks.report.schema.data import to_json
from tasks.report.statistics.statistics import draw
from tasks.report.views.page import render
from tasks.report.views.wording import slope

REPLICATES = 400
NLL = {"sft": 1.6, "sdft": 1.1, "mind_the_gap": 0.9, "rewriting_agent": 0.6}


def study(seeds=8, true_slope=0.2, noise=0.0, rows=None, seed=0, nll=NLL, **fields):
    """Models on a line, off it by `noise` a seed; of `rows` questions, or, without, with their accuracy as it is."""
    random = np.random.default_rng(seed)
    general = {"base": np.ones((1, rows or 1))}
    for method, level in nll.items():
        share = 1 - true_slope * level + random.normal(0, noise, seeds)
        hits = random.random((seeds, rows)) < share[:, None] if rows else share[:, None]
        general |= {f"{method}/{n}": hits[n][None].astype(float) for n in range(seeds)}
    drawn = {name: by["b"] for name, by in draw({name: {"b": m} for name, m in general.items()}, REPLICATES).items()}
    models = [Trained(m, n, nll[m], drawn[f"{m}/{n}"], **fields) for m in nll for n in range(seeds)]
    return models, drawn["base"]


def test_models_on_a_line_give_that_line_and_no_width():
    found = forgetting(*study(true_slope=0.25), 0.95)
    assert found.slope.value == pytest.approx(0.25)
    assert (found.slope.low, found.slope.high) == pytest.approx((0.25, 0.25))
    assert found.intercept == pytest.approx(0, abs=1e-12)
    assert [one.forgotten.value for one in found.models[::8]] == pytest.approx([0.25 * x for x in NLL.values()])


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(NLL)), st.floats(0.1, 3), st.floats(-1, 1)), min_size=3, max_size=12
    ).filter(lambda found: np.ptp([x for _, x, _ in found]) > 0.01)
)
def test_the_slope_is_that_of_least_squares(found):
    base = np.zeros(20)
    line = forgetting([Trained(m, n, x, np.full(20, -y)) for n, (m, x, y) in enumerate(found)], base, 0.95)
    expected, intercept = np.polyfit([x for _, x, _ in found], [y for _, _, y in found], 1)
    assert line.slope.value == pytest.approx(expected, abs=1e-6)
    assert line.intercept == pytest.approx(intercept, abs=1e-6)
    assert line.slope.low <= line.slope.value <= line.slope.high


def test_the_interval_holds_the_spread_of_seeds_and_of_questions():
    width = {}
    for name, fields in {
        "seeds": {"noise": 0.05},
        "questions": {"rows": 200},
        "both": {"noise": 0.05, "rows": 200},
    }.items():
        found = forgetting(*study(**fields), 0.95)
        width[name] = found.slope.high - found.slope.low
    assert width["seeds"] > 0.02 and width["questions"] > 0.02
    assert width["both"] > max(width["seeds"], width["questions"])


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    held = 0
    for n in range(200):
        found = forgetting(*study(noise=0.08, seed=n), 0.95, seed=n)
        held += found.slope.low <= 0.2 <= found.slope.high
    assert 0.86 <= held / 200 <= 0.99  # eight seeds a method: percentile intervals are a little narrow


def test_models_of_another_loss_are_points_and_no_part_of_the_line():
    models, base = study()
    dft = Trained("dft", 0, 1.6, base - 0.01, other_loss=True)
    with_it, without = forgetting([*models, dft], base, 0.95), forgetting(models, base, 0.95)
    assert with_it.slope == without.slope and with_it.intercept == without.intercept
    assert with_it.models[-1].other_loss and with_it.models[-1].forgotten.value == pytest.approx(0.01)


def test_two_models_or_one_nll_are_no_line():
    models, base = study(seeds=1)
    assert forgetting(models[:2], base, 0.95) is None
    same, base = study(seeds=3, nll={"sft": 1.6})
    assert forgetting(same, base, 0.95).slope is None


def test_the_figure_names_every_method_and_has_a_dot_a_model(report_data):
    fewer = report_data.forgetting.model_copy(update={"models": report_data.forgetting.models[::3]})  # a seed a method
    for width in (WIDE, NARROW):
        drawn = forgetting_figure(report_data, width)
        for name in ("SFT", "SDFT", "Mind the Gap", "DFT", "rewriting agent"):
            assert f">{name}<" in drawn
        for role in ("vermillion", "purple", "orange", "green", "blue"):
            dots = [text.count(f"stroke: var(--{role})") for text in (drawn, _without(report_data, fewer, width))]
            assert dots[0] - dots[1] == 2
    assert forgetting_figure(report_data.model_copy(update={"forgetting": None}), WIDE) is None


def _without(data, fewer, width):
    return forgetting_figure(data.model_copy(update={"forgetting": fewer}), width)


def test_a_figure_of_its_own_is_a_whole_svg_with_the_colours_of_both_schemes(report_data, tmp_path):
    file = tmp_path / "report.json"
    file.write_text(to_json(report_data), encoding="utf-8")
    command = [sys.executable, "-m", "tasks.report.figures.forgetting_figure", str(file)]
    drawn = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    root = ElementTree.fromstring(drawn)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    style = root.find("{http://www.w3.org/2000/svg}style").text
    used = set(re.findall(r"var\((--\w+)\)", drawn))
    assert used and all(style.count(f"{name}: #") == 2 for name in used) and "prefers-color-scheme: dark" in style


def test_a_studys_file_is_drawn_as_its_report_is_and_of_several_one_is_to_be_named(report_data, tmp_path):
    one, file = json.loads(to_json(report_data)), tmp_path / "study.json"
    command = [sys.executable, "-m", "tasks.report.figures.forgetting_figure", str(file)]
    other = one | {"backbone": one["backbone"] | {"name": "other"}}
    file.write_text(json.dumps({"reports": [one, other]}), encoding="utf-8")
    refused = subprocess.run(command, check=False, capture_output=True, text=True)
    assert refused.returncode == 2 and f"--backbone of {one['backbone']['name']}, other" in refused.stderr
    assert subprocess.run([*command, "--backbone", "other"], check=True, capture_output=True).stdout


def test_the_page_says_the_slope_in_points_a_nat_with_its_interval_and_what_it_leaves_out(report_data):
    said = slope(report_data)
    found = report_data.forgetting.slope
    assert f"{100 * found.value:+.1f}".replace("-", "−") in said
    assert f"{100 * found.low:.1f} to {100 * found.high:.1f}".replace("-", "−") in said
    assert "12 models of 4 methods" in said and "not hold which methods were compared" in said
    page = render(report_data)
    assert said in page
    without = render(report_data.model_copy(update={"forgetting": None}))
    assert "Fewer than three models" in without and "nat per token more" not in without
