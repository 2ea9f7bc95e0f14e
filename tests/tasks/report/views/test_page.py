"""The page shows the data's own figures, stands alone, and nothing in the data can act on it."""

import re
from html.parser import HTMLParser

import pytest

from tasks.report.figures.figures import method_label
from tasks.report.report import build_report, read_report
from tasks.report.schema.compared_data import Comparison, Summary
from tasks.report.schema.data import ReportData
from tasks.report.schema.row_data import Example, Histogram, Version
from tasks.report.schema.run_data import Averages, LossPoint, Run, StageCost
from tasks.report.schema.values import Contrast, Estimate
from tasks.report.views.page import SHOWN, render
from tasks.report.views.wording import number, p_value
from tasks.runtime.progress.durations import duration

VOID = {"meta", "link", "br", "img", "hr", "input"}
HOSTILE = [
    "<script>alert(1)</script>",
    "</svg></pre></details><img src=x onerror=alert(1)>",
    "`backticks` ```mermaid\ngraph```",
    "$\\boxed{1}$ {{ 7 * 7 }} {% raw %}",
    "NUL \x00 ESC \x1b[31m bell \x07",
    "\ud800 a lone surrogate and \u202e an override",
    '"onmouseover="alert(1)" x=\'',
    "]]><!-- -->",
]


class Structure(HTMLParser):
    """Every tag closed in order; collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes <{self.open[-1:]}> at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def parse(page: str) -> Structure:
    structure = Structure()
    structure.feed(page)
    structure.close()
    assert structure.open == []
    return structure


def cells(page: str, label: str) -> list[list[str]]:
    """The body rows of the table in the region called `label`, as text."""
    region = page[page.index(f'aria-label="{label}"') :]
    body = re.search(r"<tbody>(.*?)</tbody>", region, re.DOTALL)
    assert body
    rows = re.findall(r"<tr>(.*?)</tr>", body.group(1), re.DOTALL)
    strip = lambda html: " ".join(re.sub(r"<[^>]+>", " ", html).split())  # noqa: E731
    return [[strip(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in rows]


def test_the_page_is_well_formed_and_every_id_is_used_once(page):
    structure = parse(page)
    assert len(structure.ids) == len(set(structure.ids))
    targets = {value[1:] for _, name, value in structure.attributes if name == "href" and value.startswith("#")}
    assert targets <= set(structure.ids)


def test_the_page_stands_alone_and_runs_nothing(page):
    structure = parse(page)
    assert not {"script", "iframe", "object", "embed", "link", "img", "base", "form"} & set(structure.tags)
    for _, name, value in structure.attributes:
        assert not name.startswith("on")
        if name in ("href", "xlink:href", "src"):
            assert value.startswith("#")
    assert "http:" not in page and "https:" not in page and "url(" not in re.sub(r"url\(#\w+\)", "", page)
    assert "default-src 'none'" in page


def test_the_headline_table_shows_the_data(page, report_data):
    rows = cells(page, "Headline table")
    assert len(rows) == len(report_data.summaries)
    for row, summary in zip(rows, report_data.summaries, strict=True):
        a = summary.averages
        for cell, estimate, scale, digits in (
            (row[1], a.math, 100, 1),
            (row[2], a.math_gain_percent, 1, 1),
            (row[3], a.general, 100, 1),
            (row[4], a.general_drop_percent, 1, 1),
            (row[5], a.overall, 100, 1),
            (row[6], summary.tc_yield, 100, 1),
            (row[7], summary.target_nll, 1, 3),
            (row[8], summary.final_loss, 1, 3),
        ):
            if estimate is None:
                assert cell == "–"
            else:
                value, low, high = (number(scale * x, digits) for x in (estimate.value, estimate.low, estimate.high))
                assert cell.startswith(f"{value} {low} to {high}")
        if summary.tc_yield_n:
            assert f"n = {summary.tc_yield_n:,}" in row[6]


def test_agents_that_were_only_measured_leave_no_empty_rows(report_data):
    runs = [run.model_copy(update={"scores": {}}) for run in report_data.runs]
    nothing = {"averages": Averages(), "tc_yield": None, "target_nll": None, "final_loss": None}
    summaries = [row if row.method == "base" else row.model_copy(update=nothing) for row in report_data.summaries]
    page = render(report_data.model_copy(update={"runs": runs, "summaries": summaries}))
    assert [row[0] for row in cells(page, "Headline table")] == ["base"]
    assert [row[0] for row in cells(page, "Scores per benchmark")] == ["base"]
    note = re.search(r"only measured as rewriters.*?</p>", page)
    assert note and all(method_label(row.method) in note[0] for row in summaries if row.method != "base")
    assert "Rewriting agents for" in page


def test_every_score_of_every_seed_stands_in_the_benchmark_table(page, report_data):
    rows = cells(page, "Scores per benchmark")
    runs = [run for method in report_data.methods() for run in report_data.runs_of(method)]
    names = report_data.benchmarks["math"] + report_data.benchmarks["general"]
    assert len(rows) == len(runs) == 16
    for row, run in zip(rows, runs, strict=True):
        for cell, name in zip(row[1:], names, strict=True):
            score = run.scores[name]
            assert cell.startswith(f"{number(100 * score.accuracy)} {number(100 * score.low)} to")
            assert f"n = {score.n}" in cell
            assert (f"{score.undecided} undecided" in cell) == bool(score.undecided)
            assert (f"{score.truncated} cut" in cell) == bool(score.truncated)


def test_pass_at_k_stands_beside_the_bases_and_sfts(page, report_data):
    [_, base, sft, *others] = cells(page, "pass@k")
    assert [row[0] for row in (base, sft)] == ["base", "SFT 3 seeds"] and len(base) == 1 + len((1, 2, 4, 8))
    mean = next(row for row in report_data.pass_at_k if row.method == "sft" and row.benchmark is None)
    assert sft[4].startswith(number(100 * mean.figures[8].value)) and "base −" in sft[4] and "SFT" not in sft[4]
    assert all("base" in row[1] and "SFT" in row[1] for row in others)


def test_calibration_stands_beside_the_bases_and_sfts_with_what_chance_shows(page, report_data):
    [_, base, sft, *others] = cells(page, "Calibration")
    of_sft = next(row for row in report_data.calibration if row.method == "sft")
    assert [row[0] for row in (base, sft)] == ["base", "SFT 3 seeds"] and len(base) == len(sft) == 6
    assert sft[3].startswith(number(of_sft.figures["Brier"].value, 3)) and "base +" in sft[3] and "SFT" not in sft[3]
    assert sft[5] == f"{number(100 * of_sft.ece)} {number(100 * of_sft.ece_by_chance)} by chance"
    assert all("SFT −" in row[4] for row in others)


def test_a_comparison_within_noise_is_called_so_in_words(page, report_data):
    noisy = [c for c in report_data.comparisons if c.within_noise]
    clear = [c for c in report_data.comparisons if not c.within_noise]
    assert noisy and clear
    table = cells(page, "Comparisons")
    assert sum(cell.startswith("within noise") for row in table for cell in row) == len(noisy)
    assert "rewriting agent against SFT" in page and "downstream accuracy within noise" in page


def test_every_difference_of_several_seeds_has_its_p_value_and_holms(page, report_data):
    said = [f"p {p_value(c.difference.p)}, Holm p {p_value(c.difference.holm)}" for c in report_data.comparisons]
    stand = [cell for row in cells(page, "Comparisons") for cell in row if "Holm p" in cell]
    assert len(stand) == len(said) and all(any(cell.endswith(one) for cell in stand) for one in said)
    for table in ("Thermometers of forgetting", "pass@k", "Calibration"):
        for row in cells(page, table):
            assert all(("Holm p" in cell) == ("base " in cell or "SFT " in cell) for cell in row[1:])
    assert "Holm p: two-sided, corrected for the methods" in page


def test_a_difference_that_is_lower_is_given_with_its_interval_the_right_way_round():
    data = bare(
        comparisons=[
            Comparison(
                method="sft",
                reference="base",
                measure="GeneralAvg",
                difference=Contrast(value=-0.09, low=-0.12, high=-0.06),
                rows=400,
            )
        ]
    )
    assert "general accuracy lower by 9.0 points (6.0 to 12.0)" in render(data)


def test_the_banner_stands_on_nano_and_on_nothing_else(page, synthetic):
    assert "claims nothing about large models" in page
    assert 'class="banner"' not in render(synthetic(methods=("base", "sft"), seeds=1, resamples=50, nano=False))


def test_all_figures_are_there_for_wide_and_narrow_pages(page):
    parse(page)
    charts = re.findall(r'<svg class="chart" viewBox="0 0 (\d+) \d+"[^>]*aria-label="([^"]+)"', page)
    assert sorted(int(width) for width, _ in charts[:12]) == [350] * 6 + [530] + [1060] * 5
    assert len(charts) == 13 and charts[12][1].startswith("Lineage: ")
    assert page.count('class="wide"') == page.count('class="narrow"') == 6


def test_figures_take_every_colour_from_the_page_so_that_both_schemes_work(page, report_data):
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert not re.search(r"(fill|stroke): #", drawn)
    used = set(re.findall(r"var\((--\w+)\)", page))
    light, dark = (re.findall(r"(--\w+):", part) for part in page.split("prefers-color-scheme: dark")[:2])
    assert used - {"--c"} <= set(light) and used - {"--c"} <= set(dark)


def test_names_of_methods_are_drawn_beside_their_lines(page):
    loss = re.search(r'aria-label="SFT training loss.*?</svg>', page, re.DOTALL).group()
    for name in ("SFT", "SDFT", "Mind the Gap", "DFT", "rewriting agent", "the method’s own", "step"):
        assert f">{name}<" in loss or f">SFT loss, {name}<" in loss


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_models_and_datasets_stays_text_wherever_it_stands(text, tmp_path):
    data = bare(
        examples=[Example(id=text, question=text, versions=[Version(name=text, text=text, reason=text)])],
        notes=[text],
        flow_run=text,
        config={"prompt": text},
        reproduce=[text],
    )
    data.runs[0].method = text
    data.summaries[1].method = text
    data.base.stages = [StageCost(stage=text, key=text, seconds=1.0)]
    build_report(data, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    structure = parse(page)
    assert "script" not in structure.tags and "img" not in structure.tags
    assert not any(name.startswith("on") for _, name, _ in structure.attributes)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\ud800-\udfff]", page)
    if "boxed" in text:
        assert "$\\boxed{1}$ {{ 7 * 7 }} {% raw %}" in "".join(structure.text)
    assert read_report(tmp_path).examples[0].id == re.sub("[\ud800-\udfff]", "�", text)


def test_long_texts_are_cut_and_say_by_how_much():
    text = "<b>" * 350_000  # 1 MB
    data = bare(
        examples=[Example(id=text, question=text, versions=[Version(name=text, text=text, reason=text)])],
        config={"prompt": text},
        notes=[text],
        flow_run=text,
    )
    data.runs[0].method = data.summaries[1].method = text
    page = render(data)
    assert len(page) < 900_000
    assert f"{len(text) - SHOWN:,} more characters are not shown" in page
    parse(page)


def test_a_report_of_one_bare_run_says_what_is_missing(tmp_path):
    page = render(bare())
    parse(page)
    for line in ("No rewriting agent was trained", "No NLL was scored", "No row was rewritten", "No lineage"):
        assert line in page


def test_odd_curves_do_not_break_the_figures():
    data = bare()
    data.runs[0].loss = [LossPoint(step=1, loss=None), LossPoint(step=2, loss=1.0)]
    data.histograms = [Histogram(name="expert", edges=[0, 1], counts=[3], n=3, median=0.5)]
    data.runs.append(Run(method="ablation_without_dist", seed=1, loss=[LossPoint(step=5, loss=1e30)]))
    parse(render(data))


def test_the_same_data_give_the_same_bytes(tmp_path, report_data):
    for folder in ("one", "two"):
        build_report(report_data, tmp_path / folder)
    for name in ("report.html", "report.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_json_beside_the_page_reads_back_as_the_same_data(tmp_path, report_data):
    build_report(report_data, tmp_path)
    assert read_report(tmp_path) == report_data
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "–"), (0.42, "0.42 s"), (9.96, "10.0 s"), (42, "42 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_durations_read_as_a_person_says_them(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(("value", "said"), [(-0.04, "0.0"), (-1.25, "−1.2"), (12345.6, "12,345.6"), (None, "–")])
def test_numbers_have_a_true_minus_and_no_negative_zero(value, said):
    assert number(value) == said


def bare(**fields) -> ReportData:
    """The least that a report can hold: a base and one SFT run."""
    averages = Averages(math=Estimate(value=0.5), general=Estimate(value=0.8))
    return ReportData(
        backbone={"name": "nano", "digest": "ab", "nano": True},
        benchmarks={"math": ["a"], "general": ["b"]},
        base=Run(method="base"),
        runs=[Run(method="sft", seed=0)],
        summaries=[Summary(method="base", averages=averages), Summary(method="sft", seeds=[0], averages=averages)],
        **fields,
    )


def test_what_was_planned_stands_beside_what_came_of_it(report_data: ReportData) -> None:
    """The artifact without a plan counts in the wall time, not in the comparison."""
    assert "planned" not in page_text(report_data)
    planned = {"planned_seconds": 40.0, "planned_work": 1000.0, "work": 1250.0, "unit": "tokens"}
    stages = [
        StageCost(stage="finetune", key="a", seconds=60.0, **planned),
        StageCost(stage="finetune", key="b", seconds=9),
    ]
    text = page_text(
        report_data.model_copy(update={"base": report_data.base.model_copy(update={"stages": stages}), "runs": []})
    )
    assert "× 1.50" in text and "1,250 tokens" in text and "planned 1,000" in text


def page_text(data: ReportData) -> str:
    found = Structure()
    found.feed(render(data))
    return " ".join(found.text)
