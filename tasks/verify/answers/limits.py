"""Guards before anything is parsed: what is refused here would cost the parser or SymPy unbounded time or memory.

In:  "9^{9^{9^{9}}}"
Out: "a tower of powers"
"""

import re

MAX_CHARACTERS = 1500
MAX_NESTING = 40
MAX_EXPONENT = 20_000
MAX_FACTORIAL = 5_000
MAX_DIGITS = 1_000
MAX_HEIGHT = 2  # e^{x^2} is read, 9^{9^{9^9}} is not

_POWER = re.compile(r"\^\s*\{?\s*\(?\s*-?\s*([0-9]{1,})")
_NESTED_POWER = re.compile(r"([0-9]+)\s*\}?\^\s*\{\s*([0-9]+)\s*\}?\s*\^\s*\{?\s*([0-9]+)")
_FACTORIAL = re.compile(r"([0-9]+)\s*[})]?\s*!")
_BINOMIAL = re.compile(r"\\binom\s*\{\s*([0-9]+)\s*\}")
_DIGITS = re.compile(rf"[0-9]{{{MAX_DIGITS},}}")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_ATOM = re.compile(r"-?[0-9]+|\\[A-Za-z]+|.")
_RISKY = "^!\\"  # what all the patterns below need one of, but for depth and digits
_UNSAFE = {"input", "include", "write", "def", "let", "newcommand", "csname", "catcode", "read", "openin"}


def refuse(text: str) -> str | None:
    """Why this answer is not to be parsed; None where it may be. Linear in the length of the text."""
    if len(text) <= MAX_NESTING and not any(map(text.__contains__, _RISKY)):
        return None  # most answers
    if len(text) > MAX_CHARACTERS:
        return f"longer than {MAX_CHARACTERS} characters"
    if _depth(text) > MAX_NESTING:
        return f"nested deeper than {MAX_NESTING}"
    if _DIGITS.search(text):
        return f"a number of more than {MAX_DIGITS} digits"
    if _height(text) > MAX_HEIGHT:
        return "a tower of powers"
    for match in _POWER.finditer(text):
        if len(match[1]) > 6 or int(match[1]) > MAX_EXPONENT:
            return f"an exponent above {MAX_EXPONENT}"
    for match in _NESTED_POWER.finditer(text):
        if len(match[2]) + len(match[3]) > 8 or int(match[2]) ** min(int(match[3]), 64) > MAX_EXPONENT:
            return "a tower of powers"
    for pattern in (_FACTORIAL, _BINOMIAL):
        for match in pattern.finditer(text):
            if len(match[1]) > 6 or int(match[1]) > MAX_FACTORIAL:
                return f"a factorial or binomial above {MAX_FACTORIAL}"
    if re.search(r"![\s)}]*!\s*[)}]*!", text):
        return "factorials of factorials"
    if any(command in _UNSAFE for command in _COMMAND.findall(text)):
        return "a command that defines or reads"
    return None


def _depth(text: str) -> int:
    depth = deepest = 0
    for char in text:
        if char in "{([":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "})]":
            depth -= 1
    return deepest


def _height(text: str) -> int:
    """How many powers stand on top of each other: 1 in x^2, 2 in e^{x^2} and 2^3^4."""
    highest = chain = 0
    position, size = 0, len(text)
    groups: list[bool] = []  # whether each open brace is an exponent's
    while position < size:
        char = text[position]
        if char == "^":
            level = len([group for group in groups if group]) + chain + 1
            highest = max(highest, level)
            position += 1
            while position < size and text[position] == " ":
                position += 1
            if position < size and text[position] == "{":
                groups.append(True)
                chain = 0
            else:
                match = _ATOM.match(text, position)
                position = match.end() - 1 if match else position
                chain = chain + 1 if text[position + 1 : position + 2] == "^" else 0
        elif char == "{":
            groups.append(False)
            chain = 0
        elif char == "}" and groups:
            closed = groups.pop()
            chain = int(closed and text[position + 1 : position + 2] == "^")
        else:
            chain = 0
        position += 1
    return highest
