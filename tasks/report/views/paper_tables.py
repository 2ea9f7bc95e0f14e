"""The paper's Tables 1 to 7 of one or several reports, its printed values beside ours where the backbone is the same.

In:  [ReportData of Llama-3.2-1B-Instruct, ReportData of nano]
Out: Table(title="Table 1: …", columns=("model", "MathAvg", …), rows=[Line("Llama-3.2-1B-Instruct", head=True),
     Line("+ SFT", (Cell(ours="15.1", spread="13.9 to 16.4", paper="15.40"), …)), …]), Table("Table 2: …"), …

Methods and variants that the paper does not have stand below its own, without its values. A table for which no report
has a row is left out. Tables 1, 2 and 6 are over all reports; 3, 4, 5 and 7 are a block a report that ran variants.
"""

from collections.abc import Callable, Sequence

from tasks.report.figures.figures import method_label
from tasks.report.schema.compared_data import Summary
from tasks.report.schema.data import ReportData, label_of
from tasks.report.schema.values import Estimate
from tasks.report.views.paper_values import on_its_benchmarks, values
from tasks.report.views.table import Cell, Line, Table
from tasks.report.views.wording import DASH, interval, number

VARIANTS = ("no_dist", "no_div", "task_only", "soft_shaping", "success_only")  # of flows/ablation.py
FULL = "rewriting_agent"
ALL = (FULL, *VARIANTS)


Figures = Callable[[ReportData, Summary], Sequence[tuple[Estimate | None, int]]]  # of each column: a figure, its digits


def tables(reports: Sequence[ReportData]) -> list[Table]:
    """Those of the seven that the reports can fill, in the paper's order."""
    averages = ("MathAvg, %", "Math↑, %", "GeneralAvg, %", "Gen↓, %", "OverallAvg, %")
    three = ("MathAvg, %", "GeneralAvg, %", "TC-Yield, %")
    of_reward, of_gate = (FULL, *VARIANTS[:3]), (FULL, "soft_shaping")
    made = [
        _blocks("Table 1: downstream gain and what was forgotten", averages, reports, "table_1", _table_1, methods),
        _yields(reports),
        _blocks("Table 3: components of the reward", three, reports, "table_3", _three, _variants(of_reward)),
        _blocks(
            "Table 4: fallback or success only",
            ("rows", *three[:2]),
            reports,
            "table_4",
            _table_4,
            _variants((FULL, "success_only", "agent_success_only")),
        ),
        _blocks("Table 5: hard gate or soft shaping", three, reports, "table_5", _three, _variants(of_gate)),
        *_by_benchmark("Table 6: by benchmark, accuracy in %", reports, "table_6", methods),
        *_by_benchmark(
            "Table 7: ablations by benchmark, accuracy in %", reports, "table_7", _variants((FULL, *VARIANTS))
        ),
    ]
    return [one for one in made if one.lines]


def methods(data: ReportData) -> list[str]:
    """The methods of a study, as Table 1 has them: all but an ablation's variants."""
    return [row.method for row in data.summaries if row.method not in VARIANTS and not _is_sweep(row.method)]


def _variants(names: Sequence[str]) -> Callable[[ReportData], list[str]]:
    """Those of the names that a report has, if there is another beside the whole agent."""

    def present(data: ReportData) -> list[str]:
        found = [name for name in names if any(row.method == name for row in data.summaries)]
        return found if set(found) - {FULL} else []

    return present


def _blocks(
    title: str,
    columns: tuple[str, ...],
    reports: Sequence[ReportData],
    table: str,
    figures: Figures,
    chosen: Callable[[ReportData], list[str]],
) -> Table:
    lines = []
    for data in reports:
        printed = values()[table].get(data.backbone.name, {}) if on_its_benchmarks(data) else {}
        rows = {row.method: row for row in data.summaries}
        block = [
            Line(_name(method, table), _cells(figures(data, rows[method]), printed.get(method)))
            for method in chosen(data)
            if any(figure is not None for figure, _ in figures(data, rows[method]))
        ]
        lines += [Line(_called(data, reports), head=True), *block] if block else []
    return Table(title, columns, tuple(lines))


def _yields(reports: Sequence[ReportData]) -> Table:
    """Table 2: a row a method, a column a backbone."""
    rows = [{row.method: row.tc_yield for row in data.summaries if row.tc_yield} for data in reports]
    names = [name for name in dict.fromkeys(name for found in rows for name in found) if name not in VARIANTS]
    lines = []
    for name in (one for one in names if not _is_sweep(one)):
        cells = [
            _cell(found.get(name), 1, values()["table_2"].get(data.backbone.name, {}).get(name))
            for data, found in zip(reports, rows, strict=True)
        ]
        lines.append(Line(method_label(name), tuple(cells)))
    title = "Table 2: task-consistency yield of each method's own rewrites, %"
    return Table(title, tuple(_called(data, reports) for data in reports), tuple(lines))


def _by_benchmark(
    title: str, reports: Sequence[ReportData], table: str, chosen: Callable[[ReportData], list[str]]
) -> list[Table]:
    """One table for all reports on the same benchmarks: nano's are not the paper's."""
    grouped: dict[tuple[str, ...], list[ReportData]] = {}
    for data in reports:
        of_whom = values() if on_its_benchmarks(data) else {"benchmarks": data.benchmarks}
        columns = tuple(name for names in of_whom["benchmarks"].values() for name in names)
        grouped.setdefault(columns, []).append(data)

    def figures(names: tuple[str, ...]) -> Figures:
        return lambda data, row: [(_accuracy(data, row.method, name), 2) for name in names]

    return [_blocks(title, names, ones, table, figures(names), chosen) for names, ones in grouped.items()]


def _accuracy(data: ReportData, method: str, benchmark: str) -> Estimate | None:
    """The mean over seeds; with one seed its Wilson interval."""
    scores = [run.scores[benchmark] for run in data.runs_of(method) if benchmark in run.scores]
    if not scores:
        return None
    if len(scores) == 1:
        return Estimate(value=scores[0].accuracy, low=scores[0].low, high=scores[0].high)
    return Estimate(value=sum(one.accuracy for one in scores) / len(scores))


def _table_1(data: ReportData, row: Summary) -> list[tuple[Estimate | None, int]]:
    found = row.averages
    percents = [found.math_gain_percent, found.general_drop_percent]
    gain, drop = (None if one is None else _scaled(one, 0.01) for one in percents)
    return [(found.math, 2), (gain, 2), (found.general, 2), (drop, 2), (found.overall, 2)]


def _three(data: ReportData, row: Summary) -> list[tuple[Estimate | None, int]]:
    return [(row.averages.math, 2), (row.averages.general, 2), (row.tc_yield, 2)]


def _table_4(data: ReportData, row: Summary) -> list[tuple[Estimate | None, int]]:
    sizes = [sum(run.targets.kinds.values()) for run in data.runs_of(row.method) if run.targets]
    rows = Estimate(value=sum(sizes) / len(sizes) / 100) if sizes else None  # cells show a hundred times a figure
    return [(rows, 0), (row.averages.math, 2), (row.averages.general, 2)]


def _scaled(found: Estimate, by: float) -> Estimate:
    low, high = (None if end is None else end * by for end in (found.low, found.high))
    return Estimate(value=found.value * by, low=low, high=high)


def _cells(figures: Sequence[tuple[Estimate | None, int]], printed: Sequence[float | None] | None) -> tuple[Cell, ...]:
    beside = printed or [None] * len(figures)
    return tuple(_cell(figure, digits, value) for (figure, digits), value in zip(figures, beside, strict=True))


def _cell(found: Estimate | None, digits: int, printed: float | None) -> Cell:
    paper = "" if printed is None else number(printed, 0 if printed > 100 else 2)
    if found is None:
        return Cell(DASH, paper=paper)
    return Cell(number(100 * found.value, digits), interval(found, 100, min(digits, 1)), paper)


def _name(method: str, table: str) -> str:
    alone = method == "base" or table not in ("table_1", "table_6")
    return method_label(method) if alone else f"+ {label_of(method) or method}"


def _called(data: ReportData, reports: Sequence[ReportData]) -> str:
    """The backbone's name; with the learning rates of its SFT where another report is of the same backbone."""
    name = data.backbone.name
    if sum(one.backbone.name == name for one in reports) == 1:
        return name
    found = data.config.get("finetune")
    configs = found if isinstance(found, list) else [found]
    rates = sorted(
        {float(str(one["learning_rate"])) for one in configs if isinstance(one, dict) and "learning_rate" in one}
    )
    return f"{name} at {', '.join(f'{rate:g}' for rate in rates)}" if rates else name


def _is_sweep(method: str) -> bool:
    """k5, k10, …: Figure 4's."""
    return method.startswith("k") and method[1:].isdigit()
