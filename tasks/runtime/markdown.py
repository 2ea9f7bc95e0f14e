"""A table in Markdown, for Prefect's pages and the hub's cards.

(("stage", "seconds"), [("finetune", "41")])  ->  | stage | seconds |
                                                  | --- | --- |
                                                  | finetune | 41 |
"""

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already: whoever puts foreign text into one has escaped it."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows))
