"""Plain numbers in an answer, read exactly and compared without SymPy.

In:  "1,250.50", "-\\frac{3}{4}", "7\\frac{3}{4}", "2 1/2", "12.5%", "1.5\\cdot10^{6}", "6e-2", "777_8"
Out: Number(value=Fraction(2501, 2), decimals=1, percent=False, base=None)
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from tasks.verify.answers.number_words import PARTS, read_number_words

MAX_DIGITS = 400
MAX_EXPONENT = 400


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written. `decimals` counts the digits after the point of a decimal literal, scaled by its power of
    ten (None: an exact literal); `digits` is what stands before a base subscript."""

    value: Fraction
    decimals: int | None = None
    percent: bool = False
    base: int | None = None
    digits: str = ""


_UNSIGNED = (
    r"(?:[0-9]+(?:\.[0-9]*)?|[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?|[1-9][0-9]{0,2}(?: [0-9]{3})+(?:\.[0-9]+)?|"
    r"\.[0-9]+)"
)
_NUMBER = re.compile(rf"([-+]?)({_UNSIGNED})(%?)")
_RATIO = re.compile(rf"([-+]?)({_UNSIGNED})/([-+]?)({_UNSIGNED})(%?)")
_FRACTION = re.compile(rf"([-+]?)\\frac\{{([-+]?)({_UNSIGNED})\}}\{{([-+]?)({_UNSIGNED})\}}(%?)")
_MIXED = re.compile(
    r"([-+]?)([0-9]+)(?: |\+|«and»)?(?:\\frac\{([0-9]+)\}\{([0-9]+)\}|(?:(?<=[ +»])([0-9]+)/([0-9]+)))(%?)"
)
_SCIENTIFIC = re.compile(rf"([-+]?)({_UNSIGNED})(?: ?\\cdot ?| ?\* ?| ?x ?)10\^\{{?([-+]?[0-9]{{1,4}})\}}?(%?)")
_EXPONENT = re.compile(rf"([-+]?)({_UNSIGNED})[eE]([-+]?[0-9]{{1,4}})(%?)")
_REPEATING = re.compile(r"([-+]?)([0-9]*)\.([0-9]*)\\(?:overline|bar|dot)\{?([0-9]+)\}?")
_BASE = re.compile(r"([-+]?)([0-9A-Fa-f]+)_\{?(?:«?base »?)?([0-9]{1,2})\}?")
_BASE_WORD = re.compile(
    r"([-+]?)([0-9A-Fa-f]+)«?\(? ?(?:in )?base[- ]?([0-9]{1,2}|two|three|four|five|six|seven|eight|nine)\)?»?"
)
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_FACTORS = {
    "k": Fraction(1000), "ten": Fraction(10), "dozen": Fraction(12), "score": Fraction(20), "hundred": Fraction(100),
    "gross": Fraction(144), "thousand": Fraction(1000), "lakh": Fraction(10**5), "million": Fraction(10**6),
    "mln": Fraction(10**6), "crore": Fraction(10**7), "billion": Fraction(10**9), "bn": Fraction(10**9),
    "trillion": Fraction(10**12), "thousandth": Fraction(1, 1000), "millionth": Fraction(1, 10**6),
    "billionth": Fraction(1, 10**9), "tenth": Fraction(1, 10), "hundredth": Fraction(1, 100),
    "百": Fraction(100), "千": Fraction(1000), "万": Fraction(10**4), "亿": Fraction(10**8),
}  # fmt: skip
_NO_PLURAL = ("k", "score", "gross")
_FACTORS |= {f"{word}s": factor for word, factor in _FACTORS.items() if word not in _NO_PLURAL} | PARTS
_FACTOR = re.compile(rf"(.*[0-9}}»]) ?«? ?({'|'.join(sorted(_FACTORS, key=len, reverse=True))})»?", re.IGNORECASE)
_VARIABLE = re.compile(r".*[0-9] ?k", re.IGNORECASE)  # "12k" is 12,000 in \text{k} only


def is_factor(word: str) -> bool:
    """Whether a word behind a number scales it: "million", "dozen", "hundredths"."""
    return word.lower() in _FACTORS


@lru_cache(maxsize=16384)
def read_number(text: str) -> Number | None:
    """The plain number that a normalised answer is, or None."""
    if len(text) > MAX_DIGITS or not text:
        return None
    while len(text) > 2 and text[0] + text[-1] in ("()", "{}", "[]") and not re.search(r"[(){}\[\],]", text[1:-1]):
        text = text[1:-1]
    if match := _NUMBER.fullmatch(text):
        value, decimals = _decimal(match[2])
        return Number(_signed(match[1], value), decimals, bool(match[3]))
    if match := _RATIO.fullmatch(text):
        return _quotient(match[1], "", match[2], match[3], match[4], match[5])
    if match := _FRACTION.fullmatch(text):
        return _quotient(match[1], match[2], match[3], match[4], match[5], match[6])
    if match := _MIXED.fullmatch(text):
        top, bottom = int(match[3] or match[5]), int(match[4] or match[6])
        if bottom == 0:
            return None
        return Number(_signed(match[1], int(match[2]) + Fraction(top, bottom)), None, bool(match[7]))
    if match := _SCIENTIFIC.fullmatch(text) or _EXPONENT.fullmatch(text):
        power = int(match[3])
        if abs(power) > MAX_EXPONENT:
            return None
        value, decimals = _decimal(match[2])
        return Number(_signed(match[1], value * Fraction(10) ** power), (decimals or 0) - power, bool(match[4]))
    return _rarer(text)


def _rarer(text: str) -> Number | None:
    if match := _REPEATING.fullmatch(text):
        whole, fixed, cycle = match[2] or "0", match[3], match[4]
        value = Fraction(int(whole + fixed), 10 ** len(fixed))
        value += Fraction(int(cycle), (10 ** len(cycle) - 1) * 10 ** len(fixed))
        return Number(_signed(match[1], value))
    if match := _BASE.fullmatch(text) or _BASE_WORD.fullmatch(text):
        base = _BASES.get(match[3]) or int(match[3])
        return _in_base(match[1], match[2], base)
    if (match := _FACTOR.fullmatch(text)) and not _VARIABLE.fullmatch(text) and match[2] != "K":
        number = read_number(match[1])
        plain = number is not None and not number.percent and number.base is None
        return Number(number.value * _FACTORS[match[2].lower()]) if number and plain else None
    in_words = read_number_words(text.strip("«»"))
    return None if in_words is None else Number(in_words)


def _signed(sign: str, value: Fraction | int) -> Fraction:
    return Fraction(-value) if sign == "-" else Fraction(value)


def _decimal(text: str) -> tuple[Fraction, int | None]:
    """Value and digits after the point; an integer, or a decimal of zeros only ("27.0"), is exact."""
    text = text.replace(",", "").replace(" ", "")
    whole, _, part = text.partition(".")
    value = Fraction(int((whole or "0") + part), 10 ** len(part))
    return value, (len(part) if part.strip("0") else None)


def _quotient(sign: str, top_sign: str, top: str, bottom_sign: str, bottom: str, percent: str) -> Number | None:
    over, under = _decimal(top)[0], _decimal(bottom)[0]
    if under == 0:
        return None
    negative = (sign + top_sign + bottom_sign).count("-") % 2
    return Number(-over / under if negative else over / under, None, bool(percent))


def _in_base(sign: str, digits: str, base: int) -> Number | None:
    try:
        value = int(digits, base)
    except ValueError:  # a digit or a base that is none
        return None
    return Number(_signed(sign, value), None, False, base, (sign.strip("+") + digits).lower())


def same_number(gold: Number, answer: Number) -> bool:
    """Equality by the policy of docs/verification.md: percent, base and tolerance."""
    if gold.base not in (None, 10) and answer.base is None:
        return _left_off(answer, gold)  # 777 for 777_8 leaves the base off; 511 is read in base 8 as well
    if gold.percent != answer.percent:
        whole = Number(gold.value / 100 if gold.percent else gold.value, _shifted(gold))
        other = Number(answer.value / 100 if answer.percent else answer.value, _shifted(answer))
        if close(whole.value, whole.decimals, other.value, other.decimals):
            return True
        if answer.percent and gold.decimals is None and abs(gold.value) < 1:
            return False  # a fifth is not a fifth of one per cent
    return close(gold.value, gold.decimals, answer.value, answer.decimals)


def _shifted(number: Number) -> int | None:
    return number.decimals + 2 if number.percent and number.decimals is not None else number.decimals


def _left_off(plain: Number, based: Number) -> bool:
    return (
        not plain.percent
        and plain.decimals is None
        and plain.value.denominator == 1
        and str(plain.value) == based.digits
    )


def close(
    gold: Fraction, gold_decimals: int | None, answer: Fraction, answer_decimals: int | None, irrational: bool = False
) -> bool:
    """Exact equality, or a decimal that is the other value correctly rounded.

    Two decimals must agree on at least five places of the shorter one. A decimal and an exact value must be within one
    part in 10^4, or the decimal be the exact value cut off behind six digits or more. A reference of three significant
    digits or more is taken as rounded where the exact answer has no finite decimal expansion (`irrational` says so of
    values that were evaluated): 33.3 for 100/3."""
    if gold == answer:
        return True
    if gold_decimals is None and answer_decimals is None:
        return False
    if _as_printed(gold, gold_decimals, answer) or _as_printed(answer, answer_decimals, gold):
        return True
    limit = Fraction(1001, 10**7)
    if gold_decimals is not None and answer_decimals is not None:
        places, other, limit = min(gold_decimals, answer_decimals), gold, Fraction(1001, 10**8)
        if gold_decimals == answer_decimals or places < 5:
            return False
    elif answer_decimals is not None:
        places, other = answer_decimals, gold
        if _cut_off(answer, places, gold):
            return True
    else:
        assert gold_decimals is not None
        places, other = gold_decimals, answer
        if _cut_off(gold, places, answer):
            return True
        if (irrational or _endless(answer)) and abs(places) <= MAX_DIGITS and abs(gold) * Fraction(10) ** places >= 100:
            limit = Fraction(1)
    if abs(places) > MAX_EXPONENT + MAX_DIGITS:
        return False
    difference = abs(gold - answer)
    return difference * 2 <= Fraction(10) ** -places and difference <= limit * abs(other)


def _as_printed(decimal: Fraction, places: int | None, exact: Fraction) -> bool:
    """Whether a decimal of 16 digits or more is a computer's double beside the value: 0.30000000000000004 for 0.3."""
    if places is None or abs(places) > MAX_DIGITS or abs(decimal) * Fraction(10) ** places < 10**15:
        return False
    return abs(decimal - exact) <= abs(exact) * Fraction(4, 10**16)


def _cut_off(decimal: Fraction, places: int, exact: Fraction) -> bool:
    """Whether a decimal of six significant digits or more is the beginning of the exact value."""
    if abs(places) > MAX_DIGITS or abs(decimal) * Fraction(10) ** places < 10**5 or (decimal > 0) != (exact > 0):
        return False
    return 0 < abs(exact) - abs(decimal) < Fraction(10) ** -places


def _endless(value: Fraction) -> bool:
    """Whether the decimal expansion never ends: the denominator has a prime other than 2 and 5."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest > 1
