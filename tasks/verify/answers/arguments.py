"""The arguments of functions that are written without brackets, in brackets.

In:  "\\ln 2\\cdot 3", "\\sin 2x\\cos y", "\\cos\\frac{\\pi}{3}/2"
Out: "\\ln(2)\\cdot 3", "\\sin(2x)\\cos(y)", "\\cos(\\frac{\\pi}{3})/2"

An argument is an implied product: it ends at a sign of an operation and at the next function. math-verify's parser
would take all factors that follow, whatever stands between them. Only the angle \\pi/6 holds a stroke.
"""

import re

_NAMES = "arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|ln|log|exp"
_FUNCTION = re.compile(rf"\\(?:{_NAMES})(?![A-Za-z])")
_WITHOUT = re.compile(rf"{_FUNCTION.pattern}(?:\s*[\^_]\s*(?:\{{[^{{}}]*\}}|-?[0-9A-Za-z]))*+\s*+(?=[^(^_])")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_ENDS = {r"\cdot", r"\times", r"\div", r"\le", r"\ge", r"\ne", r"\in", r"\approx", r"\equiv", r"\to", r"\cup", r"\cap"}
_ENDS |= {r"\pm", r"\mp", r"\quad", r"\text", r"\end", r"\right", r"\mid"}
_STROKE = re.compile(r"/[0-9]+(?![0-9A-Za-z.(\\])")
_OPEN, _CLOSE = "({[", ")}]"


def bracketed(latex: str) -> str:
    """Brackets around the argument of each function that has none."""
    for match in reversed(list(_WITHOUT.finditer(latex))):
        start, end = match.end(), _end(latex, match.end())
        if end > start:
            latex = f"{latex[:start]}({latex[start:end]}){latex[end:]}"
    return latex


def _end(latex: str, start: int) -> int:
    """Where the argument that begins at `start` ends."""
    at, depth, bars = start, 0, 0
    while at < len(latex):
        char = latex[at]
        if char == "\\":
            command = _COMMAND.match(latex, at)
            if depth == 0 and bars % 2 == 0 and _ends(command, latex, at, start):
                break
            at = command.end() if command else at + 2
            continue
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
            if depth < 0:
                break
        elif depth == 0 and char == "|":
            if at > start and bars % 2 == 0 and latex[at - 1] not in "0123456789})":
                break
            bars += 1
        elif depth == 0 and bars % 2 == 0:
            if char == "/" and r"\pi" in latex[start:at] and (stroke := _STROKE.match(latex, at)):
                at = stroke.end()
                break
            if char in "+-*/=<>,;&:":
                break
        at += 1
    return start + len(latex[start:at].rstrip())


def _ends(command: re.Match[str] | None, latex: str, at: int, start: int) -> bool:
    if command is None:
        return False
    return command[0] in _ENDS or (at > start and _FUNCTION.match(latex, at) is not None)
