"""Functions and powers that are written as in a program, in LaTeX.

In:  "2^(3*(1+1))", "sqrt((x-1)/2)", "abs(-3)", "C(5,2)", "atan(2)"
Out: "2^{3*(1+1)}", "\\sqrt{(x-1)/2}", "|-3|", "\\binom{5}{2}", "\\arctan(2)"
"""

import re

_CALL = re.compile(r"(?:(?<![\\A-Za-z])(sqrt|abs|floor|ceil|log2|log10|asin|acos|atan|C)|(\^)) ?\(")
_CHOOSE = re.compile(r"\s*[0-9]+\s*,\s*[0-9]+\s*")
_WRITTEN = {
    "sqrt": r"\sqrt{%s}", "abs": "|%s|", "floor": r"\lfloor %s\rfloor ", "ceil": r"\lceil %s\rceil ",
    "log2": r"\log_{2}(%s)", "log10": r"\log_{10}(%s)", "asin": r"\arcsin(%s)", "acos": r"\arccos(%s)",
    "atan": r"\arctan(%s)", "^": "^{%s}",
}  # fmt: skip


def in_latex(text: str) -> str:
    """The text with its calls in LaTeX, the innermost first. A bracket that never closes stays as it is."""
    for call in reversed(list(_CALL.finditer(text))):
        end = _closing(text, call.end())
        name = call[1] or call[2]
        if end is None:
            continue
        inside = text[call.end() : end]
        if name != "C":
            text = text[: call.start()] + _WRITTEN[name] % inside + text[end + 1 :]
        elif _CHOOSE.fullmatch(inside):
            upper, lower = inside.split(",")
            text = rf"{text[: call.start()]}\binom{{{upper.strip()}}}{{{lower.strip()}}}{text[end + 1 :]}"
    return text


def _closing(text: str, start: int) -> int | None:
    """Where the bracket closes that was opened before `start`."""
    depth = 1
    for at in range(start, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return at
    return None
