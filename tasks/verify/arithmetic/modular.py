"""Equalities that are meant modulo a number: false as plain arithmetic, and no wrong step.

In:  "7^2 = 49 = 11 \\pmod{19}"            Out: meant_modulo(…) True of 49 = 11
In:  "Work mod 7. So 48 + 24 = 74."        Out: False: the sentence of the equality names no modulus
In:  "48 + 24 = 74 mod 7"                  Out: False: it does not hold modulo 7 either

Only the sentence of the equality is read. If a word anywhere in the passage excused it, one word would switch the
judge off.
"""

import re

from tasks.verify.arithmetic.notation import Tokens
from tasks.verify.arithmetic.statements import Equality

_MODULUS = re.compile(r"(?:\\[pb]?mod|\bmod(?:ulo)?)(?![A-Za-z])[\s{($\\]*([1-9][0-9]{0,30})", re.IGNORECASE)
_CONGRUENT = re.compile(r"\\equiv(?![A-Za-z])|≡|\\pmod(?![A-Za-z])")
_SENTENCE_END = re.compile(r"\n|[.;]\s")
_BESIDE = 60  # characters before and behind an equality in which its modulus is looked for


def names_modulus(text: str) -> bool:
    """Whether a text says that it counts modulo a number, or writes a congruence."""
    return _MODULUS.search(text) is not None or _CONGRUENT.search(text) is not None


def beside_modulus(tokens: Tokens, equality: Equality) -> bool:
    """Whether the sentence of an equality does."""
    return names_modulus(_sentence(tokens, equality))


def meant_modulo(tokens: Tokens, equality: Equality) -> bool:
    """Whether an equality of two values that differ stands beside a modulus, and holds modulo it where that is a
    number."""
    moduli = [int(number) for number in _MODULUS.findall(_sentence(tokens, equality))]
    if not moduli:
        return beside_modulus(tokens, equality)
    assert equality.left.value is not None and equality.right.value is not None
    (a, b), (c, d) = equality.left.value, equality.right.value
    return any((a * d - c * b) % modulus == 0 for modulus in moduli)


def _sentence(tokens: Tokens, equality: Equality) -> str:
    """The equality with what stands around it in its sentence."""
    left, right = equality.left, equality.right
    first = left.start if left.end > left.start else right.start  # nothing that could be read stands on the left
    start, end = tokens.starts[first], tokens.ends[max(right.start, right.end - 1)]
    before = _SENTENCE_END.split(tokens.text[max(0, start - _BESIDE) : start])[-1]
    behind = _SENTENCE_END.split(tokens.text[end : end + _BESIDE], maxsplit=1)[0]
    return f"{before}{tokens.text[start:end]}{behind}"
