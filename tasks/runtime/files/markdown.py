r"""Markdown for Prefect's pages and the hub's cards: foreign text as plain words, and a table of cells.

"a | <b>b</b> [x](http://e.org)"              ->  a \| \<b\>b\<\/b\> \[x\]\(http\:\/\/e\.org\)    as it was written
(("stage", "seconds"), [("finetune", "41")])  ->  | stage | seconds |
                                                  | --- | --- |
                                                  | finetune | 41 |

Both are web pages: markup, links, mentions and table bars of a model's or a dataset's text must not act there.
"""

import re
from collections.abc import Iterable, Sequence

from tasks.runtime.files.plain_text import label

# Backslashes, not entities: one of Prefect's two pages shows an entity in a table as it is written.
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def words(text: object, limit: int = 200) -> str:
    """`text` as words on one line, no character of it Markdown, HTML or the end of a cell; cut after `limit`."""
    return _PUNCTUATION.sub(r"\\\1", label(str(text), limit))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already: whoever puts foreign text into one has made it `words`."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows))
