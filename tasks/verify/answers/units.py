"""Units, currency and words after a value: taken off, or converted where both answers name one that is known.

In:  "15«cm»^2", "5 miles per hour", "90^\\circ", "Rs.500"
Out: ("15", Unit("cm^2")), ("5", …), ("90", …), ("500", …)
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from tasks.verify.answers.numbers import is_factor


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that is known: what it measures and how many of that measure's base unit it is."""

    measure: str
    scale: Fraction


def _table() -> dict[str, Unit]:
    lengths = {
        "mm millimeter millimetre 毫米": "1/1000", "cm centimeter centimetre 厘米": "1/100",
        "dm decimeter 分米": "1/10", "m meter metre 米": "1", "km kilometer kilometre 千米 公里": "1000",
        "in inch inches": "0.0254", "ft foot feet": "0.3048",
        "yd yard": "0.9144", "mi mile": "1609.344",
    }  # fmt: skip
    others = {
        "time": {
            "s sec second 秒": "1", "min minute 分钟": "60", "h hr hour 小时": "3600", "day 天": "86400",
            "week 周": "604800",
        },
        "calendar": {"month": "1", "year yr": "12"},
        "mass": {"mg milligram": "1/1000", "g gm gram 克": "1", "kg kilogram 千克 公斤": "1000",
                 "ton tonne": "1000000"},
        "weight": {"oz ounce": "1", "lb lbs pound": "16"},
        "volume": {"ml milliliter millilitre": "1/1000", "l liter litre": "1"},
        "dollars": {"$ dollar usd us": "1", "cent ¢": "1/100"}, "euros": {"€ euro eur": "1"}, "yen": {"yen jpy": "1"},
        "sterling": {"£ gbp": "1", "pence": "1/100"}, "rupees": {"₹ rupee inr rs": "1"},
        "yuan": {"yuan rmb cny 元 块": "1", "角": "1/10"}, "¥": {"¥": "1"}, "pesos": {"₱ peso": "1"},
        "roubles": {"₽ rouble ruble": "1"}, "won": {"₩ won": "1"},
        "angle": {"degree deg ^\\circ": "1"}, "kelvin": {"kelvin": "1"},
        "celsius": {"°c celsius centigrade": "1"}, "fahrenheit": {"°f fahrenheit": "1"},
        "morning": {"am": "1"}, "afternoon": {"pm": "1"},
    }  # fmt: skip
    table = {}
    for measure, units in {"length": lengths, **others}.items():
        for names, scale in units.items():
            for name in names.split():
                table[name] = Unit(measure, Fraction(scale))
    for names, scale in lengths.items():
        for name in names.split():
            for power, words in ((2, ("square", "sq")), (3, ("cubic", "cu"))):
                unit = Unit(f"length^{power}", Fraction(scale) ** power)
                table[f"{name}^{power}"] = unit
                table.update({f"{word} {name}": unit for word in words})
    for month in _MONTHS.split():  # "5 May" is not "5 June"
        table[month] = table[month[:3]] = Unit(month, Fraction(1))
    return table


_MONTHS = "january february march april may june july august september october november december"
_UNITS = _table()
_SHORT = {
    "mm", "cm", "dm", "km", "ft", "in", "yd", "mi", "mg", "kg", "lb", "lbs", "oz", "ml", "gm", "sec", "min", "hr",
    "hrs", "mph", "kph", "kmph", "kmh", "rpm", "ppm", "usd", "cc", "sq", "cu", "pm", "am", "cal", "kcal", "ev", "mev",
    "gev", "kev", "pa", "kpa", "hz", "khz", "mhz", "nm", "um", "pc", "kpc", "mpc", "au", "erg", "mol", "kj", "mj", "kw",
    "kwh", "psi", "atm", "amu", "rad", "sr", "db", "yr", "rs", "k",
}  # fmt: skip
_BETWEEN = {"per", "a", "an", "of", "each", "the", "every", "more", "total", "left", "over", "for"}
_NOT_UNITS = {
    "and", "or", "to", "if", "then", "where", "is", "are", "sin", "cos", "tan", "cot", "sec", "csc", "arcsin",
    "arccos", "arctan", "sinh", "cosh", "tanh", "log", "ln", "exp", "sqrt", "pi", "mod", "lim", "max", "gcd", "lcm",
    "det", "inf", "infinity", "cup", "cap", "in", "no", "not", "none", "such", "that", "all", "with", "when", "frac",
    "binom", "base", "plus", "minus", "times", "divided", "positive", "negative", "true", "false", "yes", "undefined",
}  # fmt: skip
# Possessive quantifiers (++, {2,}+): without them a long word that is no unit would be tried in every division.
_WORD = r"(?:[A-Za-z]{2,}+\.?|[amghLsNJWVKACF](?![A-Za-z]))(?:\^\{?-?[0-9]\}?)?"
_MARK = r"(?:«[^«»]*+»(?:\^\{?-?[0-9]\}?)?|\\cdot ?|\^\\circ ?[CF]?)"
_TRAILING_TEXT = re.compile(rf"({_MARK}(?:[/ ·]*+{_MARK})*+)[/ ·]*$")
_TRAILING_WORDS = re.compile(rf"(?:(?<=[0-9)}}\]%])|(?<=\\pi))(\s*+)(/?)({_WORD}(?:[ /-]++{_WORD})*+)[ /-]*$")
_CURRENCY = re.compile(
    r"(-?)(?:(?:US|«US»)?([$€£¥₹₽₩₱])|«?(Rs|USD|US|INR|EUR|RM|CAD|AUD)\.?»?)\s*(?=-?[0-9.])", re.IGNORECASE
)
_CURRENCY_AFTER = re.compile(r"(?<=[0-9])\s*([$€£¥₹₽₩₱])$")
_THOUSANDS_OF = re.compile(r"[0-9][0-9.,]*[kK]")  # "$12k"
_APPROX = re.compile(
    r"(?:\\approx ?|«(?:approximately|about|approx\.?|around|roughly)»|(?:approximately|about|approx\.?|roughly) )"
    r"(?=\S)"
)
_PER = re.compile(r"(?:per|an?) ")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?«? ?([A-Za-z]+)\.?(?: ?(?:,|and))? ?»?(?: ?(?:,|«?and»?))? ?")
# Words that compute with the value or say something of it; "16 squared units" is an area, "4 squared" is not 4.
_CHANGES_VALUE = re.compile(
    r"(?:squared|cubed|factorial)|(?:is|are|was|were|isn't|not|plus|minus|divided|multiplied|times(?= \S))\b.*"
)
_DEGREES = re.compile(r"(.*[0-9})\]A-Za-z])\^\\circ ?«?([CF]?)»?")


@lru_cache(maxsize=16384)
def split_unit(text: str) -> tuple[str, str | None]:
    """A normalised answer without its unit, and the unit's name in lower case (None where there is none)."""
    if text[-1:].isdigit() and text[:1].isdigit() and text.isascii() and "«" not in text and " " not in text:
        return text, None
    currency = _CURRENCY.match(text)
    if currency:
        rest = text[currency.end() :]
        value, per = (f"{rest[:-1]}«thousand»", None) if _THOUSANDS_OF.fullmatch(rest) else split_unit(rest)
        name = (currency[2] or currency[3]).lower()
        return currency[1] + value, f"{name} {per}" if per and _PER.match(per) else name
    if after := _CURRENCY_AFTER.search(text):
        return text[: after.start()], after[1]
    if match := _APPROX.match(text):
        text = text[match.end() :]
    if (match := _DEGREES.fullmatch(text)) and not re.search(r"sin|cos|tan|cot|sec|csc", text):
        return match[1], f"°{match[2].lower()}" if match[2] else "^\\circ"
    if "«" in text:
        match = _TRAILING_TEXT.search(text)
        if match and _has_value(text[: match.start()]) and not _is_connector(match[1]):
            value = text[: match.start()].rstrip()
            return _scaled(value.rstrip("/").rstrip(), _name(f"per {match[1]}" if value.endswith("/") else match[1]))
        return text, None
    if text and (text[-1].isalpha() or text[-1] in ".}23") and (match := _TRAILING_WORDS.search(text)):
        words, value = match[3].strip(), text[: match.start()]
        if _has_value(value) and _is_unit(words, bool(match[1])):
            return _scaled(value.strip(), _name(f"per {words}" if match[2] else words))
    return text, None


def _scaled(value: str, name: str) -> tuple[str, str | None]:
    """A word that scales the number is part of the value: "4 million dollars" is 4 million and dollars."""
    first, _, rest = name.partition(" ")
    return (f"{value}«{first}»", rest or None) if is_factor(first) else (value, name)


@lru_cache(maxsize=4096)
def read_compound(text: str) -> tuple[Fraction, Unit, tuple[Unit, ...]] | None:
    """A quantity in several units, "1 hour and 30 minutes" or "5 ft 6 in": how many of the last unit, that unit, and
    all of them; None where it is none."""
    parts: list[tuple[Fraction, Unit]] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        unit = unit_named(match[2].lower()) if match else None
        if match is None or unit is None or (parts and not _smaller(unit, parts[-1][1])):
            return None
        parts.append((Fraction(match[1]), unit))
        position = match.end()
    if len(parts) < 2:
        return None
    last = parts[-1][1]
    return (
        sum((value * unit.scale for value, unit in parts), Fraction(0)) / last.scale,
        last,
        tuple(u for _, u in parts),
    )


def _smaller(unit: Unit, than: Unit) -> bool:
    return unit.measure == than.measure and unit.scale < than.scale


def unit_named(name: str | None) -> Unit | None:
    """The unit of that name, if it is a known one."""
    if name is None:
        return None
    name = name.removeprefix("degree ").removeprefix("degrees ") or name
    return _UNITS.get(name) or _UNITS.get(re.sub(r"(?<=[a-z]{2})s(?=\^|$)", "", name))


def _has_value(text: str) -> bool:
    return bool(re.search(r"[0-9]|\\pi|\\sqrt|\\frac", text)) and text.count("(") == text.count(")")


def _is_connector(words: str) -> bool:
    return (
        bool(re.search(r"«\s*(?:and|or|to|if|for|where|when|mod|base)\b", words))
        or "base" in words.lower()
        or _CHANGES_VALUE.fullmatch(_name(words)) is not None
    )


def _is_unit(words: str, spaced: bool) -> bool:
    parts = re.findall(r"[A-Za-z]+", words)
    if (
        not parts
        or _CHANGES_VALUE.fullmatch(words.lower())
        or any(part.lower() in _NOT_UNITS for part in parts if part.lower() != "in" or len(parts) > 1)
    ):
        return False
    known = all(
        part.lower() in _SHORT or part.lower() in _UNITS or part.lower().rstrip("s") in _UNITS for part in parts
    )
    if any(len(part) == 1 and part != "a" for part in parts):
        return known and spaced
    if spaced and len(parts) > 1:  # "18 per day", "12 a day", "20 cups of feed"
        parts = [part for part in parts if part.lower() not in _BETWEEN]
        known = known or not parts or all(len(part) > 2 for part in parts)
    return known or (spaced and all(len(part) >= 3 or part.lower() in _SHORT for part in parts) and len(parts[0]) > 3)


def _name(words: str) -> str:
    name = re.sub(r"[«»{}]", " ", words).replace("\\cdot", " ")
    name = "kelvin" if name.strip() == "K" else name.lower()
    return re.sub(r"\s*\^\s*", "^", re.sub(r"\s+", " ", name)).strip(" .,/")
