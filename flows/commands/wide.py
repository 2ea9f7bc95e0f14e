"""Tables and trees for the terminal at their own width: a name that is broken over lines cannot be copied.

show(table)    # 130 characters wide where its names need them; a narrower terminal goes on in its next line
"""

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.tree import Tree

WIDEST = 300


def show(what: Table | Tree) -> None:
    """Print `what`, not cut and not folded."""
    console = Console()
    console.width = max(console.width, Measurement.get(console, console.options.update(width=WIDEST), what).maximum)
    console.print(what, crop=False)
