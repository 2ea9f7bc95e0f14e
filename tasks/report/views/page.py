"""The report as one HTML file: no scripts, no network, figures inline.

Comes in: ReportData. Goes out: the page as a string. Jinja escapes every value; before that `finalize` makes control
characters visible, so nothing a model or a dataset wrote can act on the page.
"""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tasks.report.figures import figures
from tasks.report.figures.calibration_figure import calibration_figure
from tasks.report.figures.chart import NARROW, WIDE, role_of
from tasks.report.figures.forgetting_figure import forgetting_figure
from tasks.report.figures.paper_figures import success_only, sweep
from tasks.report.figures.style import PAGE_CSS
from tasks.report.lineage.lineage_figure import lineage_figure
from tasks.report.schema.calibration_data import COLUMNS as CALIBRATION
from tasks.report.schema.data import ORDER, ReportData
from tasks.report.schema.drift_data import THERMOMETERS
from tasks.report.schema.row_data import Example
from tasks.report.views import answers_view, page_tables, paper_tables, paper_values
from tasks.report.views.wording import (
    against,
    caveats,
    findings,
    interval,
    number,
    percent,
    reading,
    sampled_of,
    slope,
)
from tasks.runtime.files.plain_text import label, shorten
from tasks.runtime.progress.durations import duration

SHOWN = 6_000  # characters of one text in an example; a longer one is cut and says by how much
LONGEST = 60_000  # characters of any other value on the page (the config)

SECTIONS = (
    ("result", "Result"),
    ("forgetting", "Forgetting"),
    ("benchmarks", "Benchmarks"),
    ("answers", "Answers"),
    ("paper", "Paper’s tables"),
    ("sft", "SFT loss"),
    ("grpo", "Agent"),
    ("nll", "NLL"),
    ("targets", "Targets"),
    ("examples", "Examples"),
    ("lineage", "Lineage"),
    ("durations", "Durations"),
    ("config", "Configuration"),
    ("reproduce", "Reproduce"),
)
_FOLDER = Path(__file__).parent


def render(data: ReportData) -> str:
    """The page."""
    templates = environment(_FOLDER)
    others = [name for name in data.methods() if name not in ORDER]
    runs = [run for method in data.methods() for run in data.runs_of(method) if run.scores]
    summaries = [row for row in data.summaries if row.has_figures]
    groups = [
        (f"{name} ({len(names)})", names)
        for group, name in (("math", "downstream"), ("general", "general"))
        if (names := data.benchmarks.get(group, []))  # type: ignore[call-overload]
    ]
    page = templates.get_template("page.html.j2").render(
        data=data,
        css=Markup(PAGE_CSS.read_text(encoding="utf-8")),
        heading=_heading(data),
        sections=SECTIONS,
        level=f"{100 * data.confidence:g} %",
        findings=findings(data),
        reading=reading(data),
        slope=slope(data),
        comparisons=page_tables.comparisons(data),
        thermometers=THERMOMETERS,
        caveats=caveats(data),
        formless=answers_view.said(data),
        answered=answers_view.table(data),
        paper_tables=paper_tables.tables([data]),
        table_remarks=paper_values.remarks(data),
        subjects=answers_view.forgotten(data),
        sampled=page_tables.by_set(data.pass_at_k, sampled_of),
        calibrated=page_tables.by_set(data.calibration, lambda row: row.of),
        calibration_columns=CALIBRATION,
        role=lambda method: role_of(method, others)[0],
        runs=runs,
        summaries=summaries,
        only_rewriters=[row.method for row in data.summaries if not row.has_figures],
        benchmark_groups=groups,
        benchmark_columns=[name for _, names in groups for name in names],
        figures=_figures(data),
        target_rows=page_tables.target_rows(data),
        case=bool(data.cases and data.cases.example),
        examples=[_example(example) for example in _with_case(data)],
        stability=page_tables.stability(data),
        rounded_back=page_tables.rounded_back(data),
        lineage_rows=page_tables.lineage_rows(data),
        durations=page_tables.durations(data),
        config=json.dumps(data.config, indent=2, ensure_ascii=False, sort_keys=True) if data.config else "",
    )
    return page + "\n"


def environment(folder: Path) -> Environment:
    """Templates of a folder, every value escaped, with the filters that pages of figures use."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "label": label,
        "method": figures.method_label,
        "number": number,
        "percent": percent,
        "interval": interval,
        "against": against,
        "duration": duration,
    }
    return made


def _finalize(value: Any) -> Any:
    """Every expression of the template passes here, before escaping."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text, left_out = shorten(value, LONGEST)
    return f"{text} … {left_out:,} more characters" if left_out else text


def _heading(data: ReportData) -> str:
    name = label(data.backbone.name)
    if data.runs and not any(run.scores for run in data.runs):
        return f"Rewriting agents for {name}"
    rewrites = any(run.targets and set(run.targets.kinds) - {"expert"} for run in data.runs)
    return f"Fine-tuning {name} on {'rewritten' if rewrites else 'expert'} demonstrations"


def _figures(data: ReportData) -> dict[str, Any]:
    """Each figure twice, for wide and for narrow pages; None without data."""
    drawn: dict[str, Any] = {"lineage": lineage_figure(data.lineage)}
    for name, draw in (
        ("accuracies", figures.accuracies),
        ("forgetting", forgetting_figure),
        ("calibration", calibration_figure),
        ("loss", figures.sft_loss),
        ("grpo", figures.grpo),
        ("nll", figures.nll_histograms),
        ("success_only", success_only),
        ("sweep", sweep),
    ):
        wide = draw(data, WIDE)
        drawn[name] = None if wide is None else (wide, draw(data, NARROW))
    return drawn


def _with_case(data: ReportData) -> list[Example]:
    """The case of Appendix F first, once."""
    first = [data.cases.example] if data.cases and data.cases.example else []
    return first + [one for one in data.examples if one not in first]


def _example(example: Example) -> dict[str, Any]:
    versions = [version.model_dump() | {"text": shorten(version.text, SHOWN)} for version in example.versions]
    return {
        "id": example.id,
        "summary": label(example.question, 110),
        "question": shorten(example.question, SHOWN),
        "versions": versions,
    }
