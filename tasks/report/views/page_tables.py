"""The rows of the page's tables, as its template shows them.

In:  ReportData
Out: target_rows: [{"method": "sdft", "seeds": [0, 1], "total": 800, "kinds": [("rewrite", 353, 0.441), …], …}]
"""

from collections.abc import Callable, Iterable
from statistics import fmean
from typing import Any

from tasks.report.computed.held_out import UNTRAINED
from tasks.report.schema.compared_data import Measure
from tasks.report.schema.data import ReportData
from tasks.report.schema.run_data import Kind, Stability
from tasks.report.views.wording import MEASURES, holm, interval, number, p_value, unit_of


def comparisons(data: ReportData) -> dict[str, Any]:
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
            "p": "" if c.difference.p is None else f"p {p_value(c.difference.p)}, {holm(c.difference)}",
        }
    columns = [(reference, measure) for reference, names in measures.items() for measure in names]
    methods = [m for m in data.methods() if any(c.method == m for c in compared)]
    return {
        "references": [(reference, len(names)) for reference, names in measures.items()],
        "measures": [column(measure) for _, measure in columns],
        "rows": [(m, [cells.get((m, *column)) for column in columns]) for m in methods],
    }


def column(measure: Measure) -> tuple[str, str]:
    """A column's name and, in small print, its unit; where the rows were held out, that is small print too."""
    name, held_out, _ = MEASURES[measure].partition(" on held-out rows")
    return name, ", ".join(part for part in (held_out.strip(), unit_of(measure)[1]) if part)


def target_rows(data: ReportData) -> list[dict[str, Any]]:
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


def by_set(rows: Iterable[Any], of: Callable[[Any], str]) -> list[tuple[str, list[Any]]]:
    """Rows of a table by the questions that they are of, in the order in which these come."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(of(row), []).append(row)
    return list(found.items())


def stability(data: ReportData) -> list[tuple[str, int, dict[str, float | None]]]:
    """By method, the mean over its seeds of each figure that all of them have."""
    rows = []
    for method in data.methods():
        if found := [run.stability for run in data.runs_of(method) if run.stability]:
            columns = {name: [getattr(one, name) for one in found] for name in Stability.model_fields}
            means = {name: None if None in values else fmean(values) for name, values in columns.items()}
            rows.append((method, len(found), means))
    return rows


def rounded_back(data: ReportData) -> list[tuple[str, float]]:
    """By method, the mean over its seeds of the share of moved weights that bfloat16 rounds back."""
    found = [(method, [run.rounded_back for run in data.runs_of(method)]) for method in data.methods()]
    return [(method, fmean(known)) for method, all_ in found if (known := [one for one in all_ if one is not None])]


def lineage_rows(data: ReportData) -> list[dict[str, Any]]:
    """A row an artifact, with the names of its inputs and the keys that they are."""
    inputs: dict[str, list[tuple[str, str]]] = {}
    for edge in data.lineage.edges:
        inputs.setdefault(edge.target, []).append((edge.name, edge.source))
    return [node.model_dump() | {"inputs": inputs.get(node.key, [])} for node in data.lineage.nodes]


def durations(data: ReportData) -> list[dict[str, Any]]:
    """By stage in the order of first use; an artifact shared by several runs counts once. What was planned is summed
    over the artifacts that a plan was kept with, and `planned_of` is what these took; `peak_bytes` is the most."""
    stages = {cost.key: cost for run in [data.base, *data.runs] for cost in run.stages}
    rows: dict[str, dict[str, Any]] = {}
    sums = ("core_seconds", "gpu_seconds", "planned_seconds", "planned_of", "planned_work", "work")
    for cost in stages.values():
        row = rows.setdefault(
            cost.stage,
            {"stage": cost.stage, "count": 0, "cached": 0, "seconds": 0.0, "unit": "", "peak_bytes": 0}
            | dict.fromkeys(sums),
        )
        row["count"] += 1
        row["cached"] += cost.cached
        row["seconds"] += cost.seconds
        row["peak_bytes"] = max(row["peak_bytes"], cost.peak_bytes or 0)
        values = cost.model_dump() | {"planned_of": None if cost.planned_seconds is None else cost.seconds}
        if cost.work is None or cost.planned_work is None:  # compared where both are known
            values |= {"work": None, "planned_work": None}
        row["unit"] = row["unit"] or cost.unit
        for name in sums:
            if (value := values[name]) is not None:
                row[name] = (row[name] or 0.0) + value
    total = sum(row["seconds"] for row in rows.values())
    return [row | {"share": row["seconds"] / total if total else 0.0} for row in rows.values()]
