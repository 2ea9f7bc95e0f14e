"""The parts of a Markdown card on the hub that Prefect's pages have not: code spans and the YAML header.

In:  {"license": "mit"}, "9f3c…"
Out: "---\\nlicense: mit\\n---\\n", "`9f3c…`"        (foreign text: tasks/runtime/files/markdown.py, `words`)
"""

from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from tasks.runtime.files import markdown
from tasks.runtime.files.plain_text import label


def code(text: object) -> str:
    """`text` in a code span: a key, a digest, a commit. Backticks and table bars, which would end it, go."""
    return "`" + label(str(text), 200).replace("`", "").replace("|", "") + "`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are Markdown already (`words` makes text such)."""
    return markdown.table(head, rows) + "\n"


def header(fields: dict[str, Any]) -> str:
    """The hub's YAML header of a card."""
    return "---\n" + yaml.safe_dump(fields, sort_keys=False, allow_unicode=False) + "---\n"
