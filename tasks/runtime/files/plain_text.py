"""Text that a model or a dataset wrote, made safe to show: in comes any string, out comes one that shows what it holds.

    "x\\x00\\x1b[31my\\ud800"  ->  "x␀␛[31my�"

Escaping for HTML is the template's (autoescape); this module only takes away what no output can carry: control
characters (NUL ends a C string, ESC drives a terminal), lone surrogates (not UTF-8), bidirectional overrides (they
reorder what stands around them).
"""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)  # the control pictures: ␀ ␛ …
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def utf8(text: str) -> str:
    """The text with lone surrogates replaced, so that it can be written as UTF-8 (json.loads lets them in)."""
    return _SURROGATE.sub("�", text)


def plain(text: str) -> str:
    """The text with every character that could act on the reader's screen made visible; newlines and tabs stay."""
    return _CONTROL.sub(_visible, utf8(text.replace("\r\n", "\n")))


def shorten(text: str, limit: int) -> tuple[str, int]:
    """The first `limit` characters of `plain(text)` and how many characters of `text` were left out."""
    left_out = max(0, len(text) - limit)
    return plain(text[:limit]), left_out


def label(text: str, limit: int = 60) -> str:
    """One short line: for a table cell, an axis, a node. Whitespace runs become one space."""
    line = " ".join(plain(text[: 4 * limit]).split())
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1] + "…"
