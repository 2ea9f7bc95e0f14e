"""How a normalised answer is built: lists, brackets, relations, matrices. Only top-level separators count.

In:  "x=1,y\\in(2,3]"
Out: split_list -> ["x=1", "y\\in(2,3]"]; split_relation("x=1") -> (["x", "1"], ["="]);
     read_bracket("(2,3]") -> Bracket("(", ["2", "3"], "]")
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from tasks.verify.answers.normal import ROW

_OPEN, _CLOSE = "([{", ")]}"
_CONNECTOR = re.compile(
    r"«[ ,]*(?:and|or|,)[ ,]*»|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])|"
    r"(?<=[0-9)}])(?:and|or)(?=[A-Z(0-9\\])|[,;]«(?:and|or) *»|[,;]",
    re.IGNORECASE,
)
_WORD_CONNECTOR = re.compile(r",?\s*(?:«[ ,]*(?:and|or)[ ,]*»|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z]))\s*", re.IGNORECASE)
_RELATION = re.compile(
    r"\\le(?![a-z])|\\ge(?![a-z])|\\ne(?![a-z])|"
    r"\\approx(?![a-z])|\\in(?![a-z])|\\equiv(?![a-z])|<=|>=|!=|=|<|>|\\to(?![a-z])"
)
_SPELLING = {"<=": r"\le", ">=": r"\ge", "!=": r"\ne"}
_UNION = re.compile(r"\\cup(?![a-z])|(?<=[)\]}])U(?=[(\[{\\])|(?<=[)\]])«?or»?(?=[(\[])")
_CASES = re.compile(r"\\begin\{(?:cases|aligned|array)\}(?:\{[^{}]*\})?(.*)\\end\{[a-z]+\}", re.DOTALL)
_MATRIX = re.compile(r"\\begin\{([pbvBV]?matrix|smallmatrix|array)\}(?:\{[^{}]*\})?(.*)\\end\{\1\}", re.DOTALL)
THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?%?")


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracketed list: a tuple, an interval or, with braces, a set."""

    left: str
    items: tuple[str, ...]
    right: str

    @property
    def is_set(self) -> bool:
        return self.left == "{"


def _depths(text: str) -> list[int]:
    """Nesting depth at each character. An interval's brackets need not be of one kind."""
    depths: list[int] = []
    depth = 0
    for char in text:
        if char in _OPEN:
            depths.append(depth)
            depth += 1
        elif char in _CLOSE:
            depth -= 1
            depths.append(depth)
        else:
            depths.append(depth)
    return depths


def _split(text: str, pattern: re.Pattern[str]) -> tuple[list[str], list[str]]:
    matches = list(pattern.finditer(text))
    if not matches:
        return [text], []
    depths = _depths(text)
    parts, separators, start = [], [], 0
    for match in matches:
        if depths[match.start()] == 0 and (match.start() == 0 or text[match.start() - 1] != "\\"):
            parts.append(text[start : match.start()].strip())
            separators.append(match[0])
            start = match.end()
    parts.append(text[start:].strip())
    return parts, separators


@lru_cache(maxsize=8192)
def split_list(text: str) -> tuple[str, ...]:
    """The items of a list at top level ("1,2", "3«and»4", "x=1;x=2"); one item where it is none.

    A number with thousands separators is one item. With both ";" and "," the semicolon separates."""
    if THOUSANDS.fullmatch(text):
        return (text,)
    parts, separators = _split(text, _CONNECTOR)
    if any(";" in separator for separator in separators) and any(";" not in separator for separator in separators):
        parts, _ = _split(text, re.compile(";"))
    elif systems := _systems(text, separators):
        return systems
    parts = [part for part in parts if part]
    return tuple(_join_thousands(parts, separators)) if len(parts) > 1 else tuple(parts) or (text,)


def _systems(text: str, separators: list[str]) -> tuple[str, ...]:
    """ "p=5,q=2«and»p=7,q=2" is a list of two solutions, each of which names the same unknowns."""
    if len(set(separators)) < 2 or "=" not in text:
        return ()
    groups = [tuple(_split(group, re.compile(","))[0]) for group in _split(text, _WORD_CONNECTOR)[0]]
    names = [sorted(item.partition("=")[0] for item in group if "=" in item) for group in groups]
    if len(groups) < 2 or any(found != names[0] or len(found) != len(groups[0]) for found in names):
        return ()
    return tuple(",".join(group) for group in groups) if len(set(names[0])) == len(names[0]) > 1 else ()


def _join_thousands(parts: list[str], separators: list[str]) -> list[str]:
    """ "10,000«and»20,000" is a list of two: with a connector in words, commas group digits."""
    if not any("and" in separator or "or" in separator or ";" in separator for separator in separators):
        return parts
    if len(parts) != len(separators) + 1:
        return parts
    joined = [parts[0]]
    for separator, part in zip(separators, parts[1:], strict=True):
        if separator == "," and THOUSANDS.fullmatch(f"{joined[-1]},{part}"):
            joined[-1] = f"{joined[-1]},{part}"
        else:
            joined.append(part)
    return joined


@lru_cache(maxsize=8192)
def split_relation(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sides of a chain of relations and the signs between them; one side and no sign where it is none."""
    parts, signs = _split(text, _RELATION)
    return tuple(parts), tuple(_SPELLING.get(sign, sign) for sign in signs)


@lru_cache(maxsize=8192)
def split_union(text: str) -> tuple[str, ...]:
    """The members of a union of sets."""
    return tuple(_split(text, _UNION)[0])


@lru_cache(maxsize=8192)
def read_bracket(text: str) -> Bracket | None:
    """The bracketed list that the whole text is: "(1,2)", "[0,1)", "\\{1,2\\}", "]0,1["; None where it is none."""
    braces = re.fullmatch(r"\\\{(.*)\\\}", text, re.DOTALL)
    if braces:
        return Bracket("{", _items(braces[1]), "}") if _balanced(braces[1]) else None
    if len(text) < 2 or text[0] not in "([{]" or text[-1] not in ")]}[":
        return None
    inside = text[1:-1]
    if text[0] == "]" or text[-1] == "[":  # French open intervals
        if not _balanced(inside) or len(_items(inside)) != 2:
            return None
        return Bracket("(" if text[0] == "]" else text[0], _items(inside), ")" if text[-1] == "[" else text[-1])
    if not _balanced(inside) or (text[0] == "{") != (text[-1] == "}"):
        return None
    return Bracket(text[0], _items(inside), text[-1])


def _items(inside: str) -> tuple[str, ...]:
    if not inside.strip():
        return ()
    parts, _ = _split(inside, re.compile(";"))
    if len(parts) == 1:
        parts, _ = _split(inside, re.compile(r",|«(?:and|or)»"))
    return tuple(parts)


def _balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char in _OPEN) - (char in _CLOSE)
        if depth < 0:
            return False
    return depth == 0


@lru_cache(maxsize=4096)
def read_matrix(text: str) -> tuple[tuple[str, ...], ...] | None:
    """Rows of cells of the matrix that the whole text is, or None."""
    while len(text) > 2 and text[0] + text[-1] in ("()", "[]") and _balanced(text[1:-1]):
        text = text[1:-1]
    match = _MATRIX.fullmatch(text)
    if not match or "\\begin" in match[2]:
        return None
    rows = [row.strip() for row in match[2].split(ROW)]
    return tuple(tuple(cell.strip() for cell in row.split("&")) for row in rows if row)


def read_nested(text: str) -> tuple[tuple[str, ...], ...] | None:
    """Rows of cells of a matrix written as a list of lists, "[[1,2],[3,4]]", or None."""
    outer = read_bracket(text)
    if outer is None or outer.is_set or not outer.items:
        return None
    rows = [read_bracket(item) for item in outer.items]
    if any(row is None or row.is_set or row.left != rows[0].left for row in rows):  # type: ignore[union-attr]
        return None
    return tuple(row.items for row in rows if row)


def read_system(text: str) -> tuple[str, ...]:
    """The equations of a system in braces (\\begin{cases}), if the whole text is one; () where it is none."""
    match = _CASES.fullmatch(text)
    if not match or "\\begin" in match[1]:
        return ()
    rows = tuple(row.replace("&", "").strip(" ,") for row in match[1].split(ROW))
    rows = tuple(row for row in rows if row)
    return rows if len(rows) > 1 and all("=" in row and "," not in row and "«" not in row for row in rows) else ()


def all_of(decisions: Iterable[bool | None]) -> bool | None:
    """Kleene's conjunction: False if one is False, else None if one is None, else True. Stops at the first False."""
    result: bool | None = True
    for decision in decisions:
        if decision is False:
            return False
        if decision is None:
            result = None
    return result
