"""The frontier for the terminal: the tables that compare at the same gain. Its page has all of them.

from rich.console import Console
Console().print(FrontierTables(data))
"""

from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from tasks.report.frontier.data import Frontier
from tasks.report.frontier.tables import headline
from tasks.report.views.terminal import NANO


@dataclass(frozen=True)
class FrontierTables:
    """Each table below its title, as a rich renderable."""

    data: Frontier

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for one in headline(self.data):
            yield Text(one.title, style="bold")
            shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
            for place, name in enumerate(one.columns):
                shown.add_column(name, justify="left" if place == 0 else "right")
            for row in one.rows:
                shown.add_row(*(Text(cell) for cell in row))
            yield shown
        if self.data.nano:
            yield Text(NANO, style="yellow")
