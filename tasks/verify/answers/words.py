"""Answers in words and choice letters.

In:  "«Evelyn»", "(C)«12 apples»", "«no solution»"
Out: the words in one spelling ("evelyn"), the Choice("C", "12 apples"), one name for each way to say the same ("none")
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from tasks.verify.answers.forms import split_list
from tasks.verify.answers.normal import squeeze

_SAME = {
    "none": "none|no solution|no solutions|no real solution|no real solutions|no such number|no such numbers|"
    "no integer solution|no integer solutions|there are no solutions|there is no solution|emptyset|empty set|"
    "the empty set|no values|no value|no roots|no real roots|no real root|no real number|no such value|no such x|"
    "no such n",
    "undefined": "undefined|does not exist|dne|not defined|doesn't exist|do not exist|no limit",
    "infinity": "infinity|infinite|infinitely many|infinitely many solutions|inf|infinite solutions",
    "reals": "all real numbers|all reals|all real|real numbers|the set of all real numbers|every real number|"
    "any real number|the real numbers|all real number",
    "yes": "yes|true|correct",
    "no": "no|false|incorrect",
}
_NAMES = {phrase: name for name, phrases in _SAME.items() for phrase in phrases.split("|")}
_SYMBOLS = {
    r"\emptyset": "none",
    r"\{\}": "none",
    r"\{\emptyset\}": "none",
    r"\infty": "infinity",
    r"+\infty": "infinity",
    r"\mathbb{R}": "reals",
    r"(-\infty,\infty)": "reals",
    r"(-\infty,+\infty)": "reals",
}
_LETTERS = "A-J"
_CHOICE = re.compile(
    rf"(?i:«?(?:the )?(?:correct |right |best )?(?:option|choice|answer|letter)s?(?: is)?:?»?\s*)?"
    rf"(?:\(([{_LETTERS}])\)|([{_LETTERS}])(?=$|\)|\.(?![0-9A-Za-z])|:|»$|«(?!(?:and|or)\b)))(?:[).:»]|\\ )*\s*(.*)",
    re.DOTALL,
)
_CHOICE_IN_WORDS = re.compile(
    rf"«(?i:(?:option|choice|answer):? +)?\(?([{_LETTERS}])(?:\)|[.:)]|(?=»|$))\s*([^«»]*)»(.*)", re.DOTALL
)
_LETTER_LIST = re.compile(r"\(?[A-J]\)?(?:(?:[, ]|«?and»?|\\ )*\(?[A-J]\)?)+")
_OPTION = re.compile(rf"«?(?:\(([{_LETTERS}])\)|(?<![A-Za-z(])([{_LETTERS}])(?:[):]|\.(?![0-9A-Za-z])))")
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_COMMANDS = re.compile(r"\\[A-Za-z]+")
_FUNCTIONS = {
    *("sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "lim", "max", "min", "gcd", "lcm", "exp", "det", "mod"),
    *("arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "sqrt", "pi", "frac", "and", "or", "inf", "base"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A multiple-choice answer: its letter and, where it was given, the option's text."""

    letter: str
    text: str


@lru_cache(maxsize=8192)
def read_choice(text: str) -> Choice | None:
    """The choice that a normalised answer is, or None."""
    match = _CHOICE.fullmatch(text)
    if match:
        return Choice(match[1] or match[2], match[3].strip())
    match = _CHOICE_IN_WORDS.fullmatch(text)
    if match:
        rest = f"«{match[2]}»{match[3]}" if match[2].strip() else match[3]
        return Choice(match[1], rest.strip())
    return None


@lru_cache(maxsize=8192)
def read_letters(text: str) -> str | None:
    """Several choice letters ("A B D", "(A),(C)", "AD") as one word, or None."""
    text = text.strip("«» ")
    return "".join(sorted(set(re.findall(r"[A-J]", text)))) if _LETTER_LIST.fullmatch(text) else None


@lru_cache(maxsize=8192)
def read_options(text: str) -> str | None:
    """The letters of several choices with their options ("(D)5,(A)3") as one word, or None.

    An option may speak of others: "(D)Both(A)and(B)" is one choice."""
    marked = [match for item in split_list(text) if (match := _OPTION.match(item))]
    if len(marked) < 2 or marked[0].start() or not text.startswith(marked[0][0]):
        return None
    if _OPTION.search(marked[0].string, marked[0].end()):
        return None
    return "".join(sorted({match[1] or match[2] for match in marked}))


def leading_letter(text: str) -> str | None:
    """The letter of a choice that is told from its option by a space only ("C Cecile"), or None."""
    match = re.fullmatch(rf"([{_LETTERS}]) [A-Z][a-z]+(?: [A-Za-z]+)*", text)
    return match[1] if match else None


@lru_cache(maxsize=8192)
def read_words(text: str) -> str | None:
    """The words of an answer that is words, in one spelling; None where it is mathematics.

    Words are \\text{…} or runs of three letters and more that are no function's name."""
    if text in _SYMBOLS:
        return _SYMBOLS[text]
    if r"\begin" in text:
        return None
    bare = _COMMANDS.sub(" ", text)
    words = [word for word in re.findall(r"[^\W\d_]{3,}", bare) if word.lower() not in _FUNCTIONS]
    if not words and "«" not in text:
        return _NAMES.get(text.lower()) if len(text) > 1 else None
    spelled = re.sub(r"[«»{}]", " ", text)
    spelled = re.sub(r"[.,;:!?\"'`]+(?=\s|$)|(?<!\w)['\"`]", " ", spelled)
    spelled = re.sub(r"\s+", " ", spelled).strip().casefold()
    return _NAMES.get(spelled, re.sub(r"^(?:the|a|an) (?=\w)", "", spelled))


def is_prose(text: str) -> bool:
    """Whether words carry the answer (not merely a unit or a connector)."""
    bare = _COMMANDS.sub(" ", text)
    count = len([word for word in re.findall(r"[^\W\d_]{3,}", bare) if word.lower() not in _FUNCTIONS])
    return count > 0 and not re.search(r"[0-9=<>^]|\\(?:frac|sqrt|pi|le|ge|in)\b", text)


def same_words(gold: str, answer: str) -> bool:
    """Equality of spelled words: spaces, case and hyphens between letters do not count; a minus sign does."""
    return _HYPHEN.sub("", squeeze(gold)) == _HYPHEN.sub("", squeeze(answer))
