"""The headline table for the terminal: the same rows and figures as the page's.

from rich.console import Console
Console().print(Headline(data))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from tasks.report.figures.figures import method_label
from tasks.report.schema.compared_data import Summary
from tasks.report.schema.data import ReportData
from tasks.report.schema.drift_data import THERMOMETERS, Drifts
from tasks.report.schema.pass_at_k_data import PassAtK
from tasks.report.schema.values import Estimate
from tasks.report.views.answers_view import said
from tasks.report.views.wording import GROUPS, caveats, findings, interval, number, reading
from tasks.runtime.files.plain_text import label

NANO = "nano: a toy backbone. It shows the mechanism and claims nothing about large models."


@dataclass(frozen=True)
class _Column:
    """A column: its figure, the factor and digits it is shown with, its width, and how soon it gives way (0: never)."""

    name: str
    value: Callable[[Summary], Estimate | None]
    scale: float = 1
    digits: int = 1
    width: int = 12
    gives_way: int = 0


_COLUMNS = (
    _Column("downstream\n%", lambda row: row.averages.math, 100),
    _Column("Math↑\n%", lambda row: row.averages.math_gain_percent, gives_way=2),
    _Column("general\n%", lambda row: row.averages.general, 100),
    _Column("Gen↓\n%", lambda row: row.averages.general_drop_percent, gives_way=2),
    _Column("yield\n%", lambda row: row.tc_yield, 100),
    _Column("target NLL\nnats/token", lambda row: row.target_nll, 1, 3, 14, gives_way=1),
    _Column("SFT loss\nits own", lambda row: row.final_loss, 1, 3, 14),
)
_METHOD = 17  # "Mind the Gap + IW"
_THERMOMETER = 20  # "KL(π₀‖π)" and its interval
_PASSED = 12  # an accuracy's interval


class Headline:
    """The table with what must be said beside it, as a rich renderable.

    Columns without a figure for any method are left out; on a narrow terminal those that the others imply give way.
    """

    def __init__(self, data: ReportData) -> None:
        self.data = data

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        data = self.data
        yield self._table(options.max_width)
        if data.drift:
            yield self._drift(data.drift, options.max_width)
        for group in GROUPS:
            if sampled := [row for row in data.pass_at_k if row.group == group]:
                yield self._pass_at_k(sampled, options.max_width)
        if data.held_out:
            yield self._held_out()
        if data.backbone.nano:
            yield Text(NANO, style="yellow")
        for line in said(data):
            yield Text(line, style="bold red")
        for heading, sentences in findings(data):
            yield Text.assemble((f"{heading}: ", "bold"), "; ".join(sentences))
        for line in [reading(data)] * bool(data.comparisons) + caveats(data):
            yield Text(label(line, 1000), style="dim")

    def _table(self, width: int) -> Table:
        rows = [row for row in self.data.summaries if row.has_figures]
        columns = [column for column in _COLUMNS if any(column.value(row) for row in rows)]
        for turn in (1, 2):
            if _METHOD + sum(column.width + 2 for column in columns) > width:
                columns = [column for column in columns if column.gives_way != turn]
        name = label(self.data.backbone.name)
        title = f"{name}: means over benchmarks, {100 * self.data.confidence:g} % intervals"
        table = _empty(title, "method", [column.name for column in columns])
        for row in rows:
            cells = [_cell(column.value(row), column.scale, column.digits) for column in columns]
            table.add_row(Text(method_label(row.method, _METHOD), style="bold"), *cells)
        return table

    def _drift(self, drift: Drifts, width: int) -> Table:
        """As many thermometers as the terminal is wide, in the order of the report."""
        columns = [(name, *THERMOMETERS[name]) for name in drift.texts]
        columns = columns[: max(1, (width - _METHOD) // (_THERMOMETER + 2))]
        headings = [f"{heading.replace(', ', chr(10))}\n{unit}" for _, heading, unit, _, _ in columns]
        table = _empty("Moved from the base", "method", headings)
        for row in drift.rows:
            cells = [_cell(row.figures.get(name), scale, digits) for name, _, _, scale, digits in columns]
            table.add_row(Text(method_label(row.method, _METHOD), style="bold"), *cells)
        return table

    def _pass_at_k(self, sampled: Sequence[PassAtK], width: int) -> Table:
        """The mean over a group's benchmarks; on a narrow terminal of fewer k, smallest and largest among them."""
        rows = [row for row in sampled if row.benchmark == sampled[0].benchmark]
        first, depths = rows[0], list(rows[0].figures)
        while len(depths) > 2 and _METHOD + len(depths) * (_PASSED + 2) > width:
            del depths[-2]
        asked = f"{first.samples} to each of {first.questions:,} {GROUPS[first.group]} questions at temperature"
        table = _empty(f"Sampled answers, {asked} {first.temperature:g}", "method", [f"pass@{k}\n%" for k in depths])
        for row in rows:
            cells = [_cell(row.figures[k], 100, 1) for k in depths]
            table.add_row(Text(method_label(row.method, _METHOD), style="bold"), *cells)
        return table

    def _held_out(self) -> Table:
        first = self.data.held_out[0]
        title = f"Rewrites of {first.rows:,} held-out rows, {first.candidates} of each"
        columns = ["pass rate\n%", "NLL passing\nnats/token", "D(S+)", "length\ntokens"]
        table = _empty(title, "rewriter", columns)
        for row in self.data.held_out:
            table.add_row(
                Text(method_label(row.rewriter, _METHOD), style="bold"),
                _cell(row.pass_rate, 100, 1),
                _cell(row.nll_passing, 1, 3),
                _cell(row.diversity, 1, 3),
                _cell(row.mean_length, 1, 1),
            )
        return table


def _empty(title: str, rows: str, columns: Sequence[str]) -> Table:
    """A table without rows: `rows` names what a row is, the other columns hold figures."""
    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column(rows)
    for column in columns:
        table.add_column(Text(column), justify="right")
    return table


def _cell(found: Estimate | None, scale: float, digits: int) -> Text:
    if found is None:
        return Text("–", style="dim")
    cell = Text(number(scale * found.value, digits))
    if spread := interval(found, scale, digits):
        cell.append(f"\n{spread}", style="dim")
    return cell
