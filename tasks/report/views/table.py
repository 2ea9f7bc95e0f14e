"""A table of figures with the paper's beside them, for a terminal and as Markdown.

In:  Table("Table 1: …", ("MathAvg, %", …), (Line("nano", head=True), Line("+ SFT", (Cell("83.0", "79.7 to 86.1"),))))
Out: a rich table; or | model | MathAvg, % | … lines, in which the paper's value stands in brackets: 15.10 [15.40]
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from tasks.runtime.files import markdown
from tasks.runtime.files.plain_text import label


@dataclass(frozen=True)
class Cell:
    """A figure of ours with its interval, and the paper's; "" where there is none."""

    ours: str = ""
    spread: str = ""
    paper: str = ""


@dataclass(frozen=True)
class Line:
    """A row, or the heading of a block of rows."""

    name: str
    cells: tuple[Cell, ...] = ()
    head: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the paper's layout; lines hold cells, some beside the paper's value."""

    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def has_paper(self) -> bool:
        return any(cell.paper for line in self.lines for cell in line.cells)


def rich_table(table: Table) -> RichTable:
    """For a terminal: below each figure its interval, below that the paper's value."""
    shown = RichTable(
        title=Text(table.title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption=Text("in brackets: the paper's") if table.has_paper else None,
        caption_justify="left",
    )
    shown.add_column("")
    for column in table.columns:
        shown.add_column(Text(label(column, 24)), justify="right")
    for line in table.lines:
        if line.head:
            shown.add_row(Text(label(line.name, 40), style="bold"))
        else:
            shown.add_row(Text(label(line.name, 28)), *(_rich(cell) for cell in line.cells))
    return shown


def markdown_table(table: Table) -> str:
    """As Markdown under its title."""
    rows: list[Sequence[str]] = []
    for line in table.lines:
        cells = [" ".join(filter(None, (one.ours, one.paper and f"[{one.paper}]"))) for one in line.cells]
        rows.append((label(line.name, 40), *(cells or [""] * len(table.columns))))
    beside = " In brackets: the paper's." if table.has_paper else ""
    return f"**{table.title}.**{beside}\n\n{markdown.table(('', *table.columns), rows)}"


def _rich(cell: Cell) -> Text:
    text = Text(cell.ours)
    for part in (cell.spread, cell.paper and f"[{cell.paper}]"):
        if part:
            text.append(f"\n{part}", style="dim")
    return text
