"""When two questions are one: across corpora, benchmarks and the parts of a split.

In:  "What is $3 + 4$?"      "Найдите сумму корней."      "x^{2} − 1.5"
Out: "whatis3+4"             "найдитесуммукорней"         "x^2-1.5"

Letters and digits of every script count, and what changes a value: signs, operators, relations, brackets, decimal
points. Spaces, punctuation, case, LaTeX's dollars and sizes, and the width of characters do not.
"""

import re
import unicodedata
from functools import lru_cache

# Shorter questions ("What is 1 + 1?") meet by chance; longer ones are the same problem.
SHORTEST_COMPARED = 20
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]")
_LETTERS_OF_IDEOGRAPH = 3  # it says about as much as three letters

_ALIKE = str.maketrans(
    {char: f"^{unicodedata.normalize('NFKC', char)}" for char in "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ"}
    | dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d", "-")
)
_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lr]?|displaystyle)(?![A-Za-z])")
_BRACED = re.compile(r"([\^_])\s*\{\s*([^\W_])\s*\}")  # x^{2} is x^2
_THOUSANDS = re.compile(r"(\d),(?=\d{3}(?!\d))")
_BETWEEN = re.compile(r"[\W_]+")  # of letters and digits
_KEPT = frozenset("+-*/^=<>≤≥≠±×÷·%!|.,:(){}[]√∞∈∪∩∫∑∏")


def normalised(question: str) -> str:
    """A question for comparison across data sets; not empty unless the question is."""
    text = question if question.isascii() else unicodedata.normalize("NFKC", question.translate(_ALIKE))
    if "\\" in text:
        text = _SIZES.sub("", text)
    if "{" in text:
        text = _BRACED.sub(r"\1\2", text)
    if "," in text:
        text = _THOUSANDS.sub(r"\1", text)
    return _BETWEEN.sub(_reduced, text.casefold()) or "".join(question.split())


def long_enough(form: str) -> bool:
    """Whether a normal form is of a question that does not meet another one by chance."""
    return len(form) + (_LETTERS_OF_IDEOGRAPH - 1) * len(_IDEOGRAPH.findall(form)) > SHORTEST_COMPARED


def _reduced(found: re.Match[str]) -> str:
    run = found[0]
    if run == " ":
        return ""
    text, begin, end = found.string, found.start(), found.end()
    return _meaning(run, _kind(text[max(0, begin - 2) : begin][::-1]), _kind(text[end : end + 2]))


def _kind(beside: str) -> str:
    """What stands beside signs, the nearest first: "digit", "letter" (one, a variable), "word", "" at an end."""
    if beside[:1].isdecimal():
        return "digit"
    return "word" if len(beside) == 2 and beside.isalpha() else "letter" if beside else ""


@lru_cache(maxsize=1 << 16)
def _meaning(run: str, before: str, after: str) -> str:
    """What of the signs between two letters or digits changes a value."""
    signs = "".join(char for char in run if char in _KEPT or unicodedata.category(char).startswith("M"))
    if not signs.strip("-"):  # a hyphen or a dash where one side is a word
        return "" if "word" in (before, after) else signs[:1]
    kept = ""
    for at, char in enumerate(signs):
        last = at == len(signs) - 1 and run.endswith(char)
        if char == ".":
            meant = last and after == "digit"  # 1.5, = .5
        elif char in ",:":
            meant = before == after == "digit" and len(signs) == 1
        elif char == "!":
            meant = before != "word" and at == 0
        elif char == "/":
            meant = (before, after) != ("word", "word")
        else:
            meant = True
        kept += char if meant else ""
    return kept
