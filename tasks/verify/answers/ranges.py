"""Dates and ranges of whole numbers: their dashes and strokes are no subtraction and no division.

In:  same_range("2024-05-06", "2024-06-05")      Out: False
In:  same_range("3-5", "4-6")                    Out: False     (a range, in days)
In:  same_range("5-3", "2")                      Out: None      (a subtraction)
"""

import re

_DATE = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})|([0-9]{1,2})([-/.])([0-9]{1,2})\6([0-9]{4})")
_RANGE = re.compile(r"([0-9]{1,9})[-:]([0-9]{1,9})")


def same_range(gold: str, answer: str) -> bool | None:
    """Whether two dates or ranges are one; False where one side is none, None where neither is one."""
    dates = _DATE.fullmatch(gold), _DATE.fullmatch(answer)
    if any(dates):
        return _numbers(dates[0]) == _numbers(dates[1])
    if _is_range(gold) or _is_range(answer):
        return _numbers(_RANGE.fullmatch(gold)) == _numbers(_RANGE.fullmatch(answer))
    return None


def _is_range(text: str) -> bool:
    """ "3-5" is a range, "5-3" a difference and "3:5" a ratio; which one the other side says is no matter then."""
    match = _RANGE.fullmatch(text) if "-" in text else None
    return match is not None and int(match[1]) < int(match[2])


def _numbers(match: re.Match[str] | None) -> list[int]:
    return [int(part) for part in match.groups() if part and part.isdigit()] if match else []
