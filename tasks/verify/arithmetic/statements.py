"""The equalities that a text states, side by side.

In:  "so 3 + 4 = 7 = 14/2 clips"
Out: [Equality(left=<3 + 4>, relation="=", right=<7>, chained=False), Equality(<7>, "=", <14/2>, chained=True)]
"""

import re
from dataclasses import dataclass

from tasks.verify.arithmetic.expressions import Parser, Side
from tasks.verify.arithmetic.notation import RELATIONS, Tokens

# Words before an expression that change what it says: "half of 50 + 3", "the average of 3 + 5".
_CHANGES_BEFORE = re.compile(
    r"(?:^|\s)(?:twice|double|doubled|triple|thrice|half|halves|third|thirds|quarter|fourth|fifth|dozen|average|mean|median|"
    r"remainder|quotient|root|square|cube|hundred|thousand|million|negative|minus|modulo|mod|base|ratio|log|of the|"
    r"percent|factorial|digits|inverse|reciprocal)(?: of)?(?: the)?$"
)


@dataclass(frozen=True, slots=True)
class Equality:
    """`relation`: "=", or "~" for any sign of approximation; `chained`: `left` is the right side of the one before."""

    left: Side
    relation: str
    right: Side
    chained: bool


def equalities(tokens: Tokens, mark: bool = False) -> list[Equality]:
    """Neighbouring sides around each relation, in order; `chained` where the left one is a right one before.

    A calculator mark holds nothing but numbers, so its first side counts as chained: <<5=51>> is no label.
    """
    kinds, match = tokens.kinds, tokens.match
    parser = Parser(tokens)
    found = []
    side, at, last = Side(end=-1), 0, len(kinds) - 2
    chained = False
    while at < last:
        kind = kinds[at]
        if kind in RELATIONS:
            left = side if side.end == at else Side()
            side = parser.read(at + 1, right=True)
            found.append(Equality(left, kind, side, chained or mark))
            at, chained = max(side.end, at + 1), True
            continue
        chained = False
        if kind == "w" and kinds[at + 1] in "n(" and _is_applied(tokens, at):
            kinds[at] = kind = "v"
        if kind in "nfqbv" or (kind == "(" and match[at] > 0) or (kind == "-" and _is_sign(tokens, at)):
            side = parser.read(at)
            if at and kinds[at - 1] == "w" and _changes_before(tokens, at):
                side.value = None
        elif kind in "+-*/^" or (kind == "w" and kinds[at + 1] in "+-*/^" and not _is_sign(tokens, at + 1)):
            side = parser.read(at + 1)  # goes on from words or from a line before: not plain
            side.value = None
        else:
            at += 1
            continue
        at = max(side.end, at + 1)
    return found


def _changes_before(tokens: Tokens, at: int) -> bool:
    words = tokens.values[at - 1].lower()
    if words == "and" and at > 1 and tokens.kinds[at - 2] == "n" and tokens.kinds[at + 1] == "/":
        return True  # `12 x 1 and 1/4 = 15`
    return _CHANGES_BEFORE.search(words) is not None


def _is_applied(tokens: Tokens, at: int) -> bool:
    """Whether the words at `at` end in a function or factor of what follows: f(2), a(3 + 4), f \\left( 2 \\right)."""
    words, gap = tokens.values[at], tokens.text[tokens.ends[at] : tokens.starts[at + 1]]
    if gap == "" or gap == "\\left":
        return True
    return tokens.kinds[at + 1] == "(" and (len(words) == 1 or words[-2:-1] == " ")


def _is_sign(tokens: Tokens, at: int) -> bool:
    """A minus that belongs to the number behind it: `is -3`, not `cost - 3`."""
    if tokens.kinds[at] != "-" or tokens.kinds[at + 1] not in "n(f":
        return False
    before = tokens.kinds[at - 1] if at else "|"
    tight = tokens.starts[at + 1] == tokens.ends[at]
    return before in "|(" or (tight and tokens.text[tokens.starts[at] - 1].isspace())
