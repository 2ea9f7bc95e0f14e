"""Whole numbers written in words.

In:  "One thousand six hundred twenty-five"
Out: 1625
"""

import re

_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_UNITS = {word: value for value, word in enumerate(_SMALL)}
_TENS_VALUES = {word: 10 * value for value, word in enumerate(_TENS, start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SHAPE = re.compile(r"[A-Za-z]+(?:[ -][A-Za-z]+){0,23}")


def read_number_words(text: str) -> int | None:
    """The number that the words are, or None. "twenty-one", "a hundred", "two thousand and five"."""
    if not _SHAPE.fullmatch(text):
        return None
    words = [word for word in re.split(r"[ -]", text.lower()) if word]
    if words[0] in ("a", "one") and len(words) > 1:
        words[0] = "one"
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
