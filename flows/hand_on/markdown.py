r"""Text that a model or a dataset wrote, as plain words of a Markdown card.

In:  "wrong | <b>answer</b> [x](http://e.org)"
Out: "wrong \| \<b\>answer\</b\> \[x\]\(http\://e\.org\)"      shown as it was written, on one line

A card on the hub is a web page: markup, links, mentions and table bars of foreign text must not act there.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from tasks.report.plain_text import label
from tasks.runtime import markdown

_PUNCTUATION = re.compile(r"([!-$&-+.:-@\[-`{-~])")  # ASCII punctuation but % , - /


def words(text: object, limit: int = 200) -> str:
    """`text` as words on one line, without effect in Markdown or HTML; cut after `limit` characters."""
    return _PUNCTUATION.sub(r"\\\1", label(str(text), limit))


def code(text: object) -> str:
    """`text` in a code span: a key, a digest, a commit. Backticks and table bars, which would end it, go."""
    return "`" + label(str(text), 200).replace("`", "").replace("|", "") + "`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are Markdown already (`words` makes text such)."""
    return markdown.table(head, rows) + "\n"


def header(fields: dict[str, Any]) -> str:
    """The hub's YAML header of a card."""
    return "---\n" + yaml.safe_dump(fields, sort_keys=False, allow_unicode=False) + "---\n"
