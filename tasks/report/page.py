"""The report as one HTML file: no scripts, no network, figures inline.

Comes in: ReportData. Goes out: the page as a string. Jinja escapes every value; before that `finalize` makes control
characters visible, so nothing a model or a dataset wrote can act on the page.
"""

import json
from pathlib import Path
from statistics import fmean
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tasks.report import answers_view, figures, paper_tables, paper_values
from tasks.report.chart import NARROW, WIDE, role_of
from tasks.report.data import ORDER, Example, Kind, Measure, ReportData, Stability
from tasks.report.drift_data import THERMOMETERS
from tasks.report.forgetting_figure import forgetting_figure
from tasks.report.held_out import UNTRAINED
from tasks.report.lineage_figure import lineage_figure
from tasks.report.paper_figures import success_only, sweep
from tasks.report.wording import (
    MEASURES,
    against,
    caveats,
    findings,
    interval,
    number,
    percent,
    reading,
    slope,
    unit_of,
)
from tasks.runtime.durations import duration
from tasks.runtime.plain_text import label, shorten

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
        css=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),
        heading=_heading(data),
        sections=SECTIONS,
        level=f"{100 * data.confidence:g} %",
        findings=findings(data),
        reading=reading(data),
        slope=slope(data),
        comparisons=_comparisons(data),
        thermometers=THERMOMETERS,
        caveats=caveats(data),
        formless=answers_view.said(data),
        answered=answers_view.table(data),
        paper_tables=paper_tables.tables([data]),
        table_remarks=paper_values.remarks(data),
        subjects=answers_view.forgotten(data),
        role=lambda method: role_of(method, others)[0],
        runs=runs,
        summaries=summaries,
        only_rewriters=[row.method for row in data.summaries if not row.has_figures],
        benchmark_groups=groups,
        benchmark_columns=[name for _, names in groups for name in names],
        figures=_figures(data),
        target_rows=_target_rows(data),
        case=bool(data.cases and data.cases.example),
        examples=[_example(example) for example in _with_case(data)],
        stability=_stability(data),
        lineage_rows=_lineage_rows(data),
        durations=_durations(data),
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
        ("loss", figures.sft_loss),
        ("grpo", figures.grpo),
        ("nll", figures.nll_histograms),
        ("success_only", success_only),
        ("sweep", sweep),
    ):
        wide = draw(data, WIDE)
        drawn[name] = None if wide is None else (wide, draw(data, NARROW))
    return drawn


def _comparisons(data: ReportData) -> dict[str, Any]:
    """A table of the differences: a row a method, for each reference a column a measure that has one.

    Those on held-out rows stand beside their own table, in words.
    """
    compared = [c for c in data.comparisons if c.reference != UNTRAINED]
    measures: dict[str, list[Measure]] = {}
    cells: dict[tuple[str, str, str], dict[str, Any]] = {}
    for c in compared:
        if c.measure not in measures.setdefault(c.reference, []):
            measures[c.reference].append(c.measure)
        scale, _, digits = unit_of(c.measure)
        cells[c.method, c.reference, c.measure] = {
            "noise": c.within_noise,
            "value": number(scale * c.difference.value, digits, signed=True),
            "interval": interval(c.difference, scale, digits) or "no interval",
        }
    columns = [(reference, measure) for reference, names in measures.items() for measure in names]
    methods = [m for m in data.methods() if any(c.method == m for c in compared)]
    return {
        "references": [(reference, len(names)) for reference, names in measures.items()],
        "measures": [_column(measure) for _, measure in columns],
        "rows": [(m, [cells.get((m, *column)) for column in columns]) for m in methods],
    }


def _column(measure: Measure) -> tuple[str, str]:
    """A column's name and, in small print, its unit; where the rows were held out, that is small print too."""
    name, held_out, _ = MEASURES[measure].partition(" on held-out rows")
    return name, ", ".join(part for part in (held_out.strip(), unit_of(measure)[1]) if part)


def _target_rows(data: ReportData) -> list[dict[str, Any]]:
    """A row a training set; seeds of a method with the same counts (mostly one training set for all) share it."""
    rows: dict[Any, dict[str, Any]] = {}
    kinds: tuple[Kind, ...] = ("rewrite", "self_solution", "expert")
    for run in (run for method in data.methods() for run in data.runs_of(method)):
        if run.targets is None:
            continue
        counts = [(kind, run.targets.kinds.get(kind, 0)) for kind in kinds]
        total = sum(count for _, count in counts)
        reasons = sorted(run.targets.fallback_reasons.items(), key=lambda item: (-item[1], item[0]))
        row = rows.setdefault(
            (run.method, str(counts), str(reasons), run.no_verdict),
            {
                "method": run.method,
                "seeds": [],
                "total": total,
                "kinds": [(kind, count, count / total if total else 0.0) for kind, count in counts],
                "reasons": reasons,
                "no_verdict": run.no_verdict,
            },
        )
        row["seeds"] += [] if run.seed is None else [run.seed]
    return list(rows.values())


def _with_case(data: ReportData) -> list[Example]:
    """The case of Appendix F first, once."""
    first = [data.cases.example] if data.cases and data.cases.example else []
    return first + [one for one in data.examples if one not in first]


def _stability(data: ReportData) -> list[tuple[str, int, dict[str, float | None]]]:
    """By method, the mean over its seeds of each figure that all of them have."""
    rows = []
    for method in data.methods():
        if found := [run.stability for run in data.runs_of(method) if run.stability]:
            columns = {name: [getattr(one, name) for one in found] for name in Stability.model_fields}
            means = {name: None if None in values else fmean(values) for name, values in columns.items()}
            rows.append((method, len(found), means))
    return rows


def _example(example: Example) -> dict[str, Any]:
    versions = [version.model_dump() | {"text": shorten(version.text, SHOWN)} for version in example.versions]
    return {
        "id": example.id,
        "summary": label(example.question, 110),
        "question": shorten(example.question, SHOWN),
        "versions": versions,
    }


def _lineage_rows(data: ReportData) -> list[dict[str, Any]]:
    inputs: dict[str, list[tuple[str, str]]] = {}
    for edge in data.lineage.edges:
        inputs.setdefault(edge.target, []).append((edge.name, edge.source))
    return [node.model_dump() | {"inputs": inputs.get(node.key, [])} for node in data.lineage.nodes]


def _durations(data: ReportData) -> list[dict[str, Any]]:
    """By stage in the order of first use; an artifact shared by several runs counts once. What was planned is summed
    over the artifacts that a plan was kept with, and `planned_of` is what these took."""
    stages = {cost.key: cost for run in [data.base, *data.runs] for cost in run.stages}
    rows: dict[str, dict[str, Any]] = {}
    sums = ("core_seconds", "gpu_seconds", "planned_seconds", "planned_of", "planned_work", "work")
    for cost in stages.values():
        row = rows.setdefault(
            cost.stage,
            {"stage": cost.stage, "count": 0, "cached": 0, "seconds": 0.0, "unit": ""} | dict.fromkeys(sums),
        )
        row["count"] += 1
        row["cached"] += cost.cached
        row["seconds"] += cost.seconds
        values = cost.model_dump() | {"planned_of": None if cost.planned_seconds is None else cost.seconds}
        if cost.work is None or cost.planned_work is None:  # compared where both are known
            values |= {"work": None, "planned_work": None}
        row["unit"] = row["unit"] or cost.unit
        for name in sums:
            if (value := values[name]) is not None:
                row[name] = (row[name] or 0.0) + value
    total = sum(row["seconds"] for row in rows.values())
    return [row | {"share": row["seconds"] / total if total else 0.0} for row in rows.values()]
