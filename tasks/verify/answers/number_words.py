"""Numbers written in words.

In:  "One thousand six hundred twenty-five", "two thirds", "one and a half"
Out: 1625, Fraction(2, 3), Fraction(3, 2)
"""

import re
from fractions import Fraction

_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_UNITS = {word: value for value, word in enumerate(_SMALL)}
_TENS_VALUES = {word: 10 * value for value, word in enumerate(_TENS, start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SHAPE = re.compile(r"[A-Za-z]+(?:[ -][A-Za-z]+){0,23}")
_ORDINALS = ["third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"]
# What a number of parts is in: "two thirds", and "one third" of one only, since "twenty third" is an ordinal.
PARTS = {f"{word}s": Fraction(1, value) for value, word in enumerate(_ORDINALS, start=3)}
PARTS |= {"halves": Fraction(1, 2), "quarters": Fraction(1, 4), "hundredths": Fraction(1, 100)}
_ONE_PART = {word.removesuffix("s"): part for word, part in PARTS.items()} | {"half": Fraction(1, 2)}


def read_number_words(text: str) -> Fraction | None:
    """The number that the words are, or None. "twenty-one", "a hundred", "two thousand and five", "three quarters"."""
    if not _SHAPE.fullmatch(text):
        return None
    words = [word for word in re.split(r"[ -]", text.lower()) if word]
    if words[0] == "a" and len(words) > 1:
        words[0] = "one"
    if words[-1] in PARTS or words[-1] in _ONE_PART:
        return _in_parts(words)
    whole = _whole(words)
    return None if whole is None else Fraction(whole)


def _in_parts(words: list[str]) -> Fraction | None:
    """ "two thirds", "half", "two and a half"."""
    *before, part = words
    whole: int | None = 0
    if "and" in before:
        at = before.index("and")
        whole, before = _whole(before[:at]), before[at + 1 :]
    one = before in (["one"], ["a"]) or words == ["half"]
    count = _whole(before) if part in PARTS else 1 if one else None
    if whole is None or count is None or whole >= 100:
        return None
    return whole + count * (PARTS.get(part) or _ONE_PART[part])


def _whole(words: list[str]) -> int | None:
    """A whole number; None where the words are none."""
    if not words:
        return None
    total, group = 0, 0
    last = 10**15  # the scale before, which must fall
    room = 1000  # what may still be added to the group stays below it
    for position, word in enumerate(words):
        if word == "and" and 0 < position < len(words) - 1 and (group or total) and room > 0:
            continue
        if word in _UNITS and (value := _UNITS[word]) < room and (value or len(words) == 1):
            group, room = group + value, 0
        elif word in _TENS_VALUES and room >= 100:
            group, room = group + _TENS_VALUES[word], 10
        elif word == "hundred" and 0 < group < 20 and room <= 10:
            group, room = group * 100, 100
        elif word in _SCALES and group and _SCALES[word] < last:
            total, last = total + group * _SCALES[word], _SCALES[word]
            group, room = 0, 1000
        else:
            return None
    return total + group
