"""Option letters as models write them, in rows whose options are known.

In:  {"answer": "AC", "options": […]} and "… $\\boxed{\\text{Options A and C}}$"      Out: several_letters -> correct
In:  {"answer": "B", "options": ["10 km", "12 km"]} and "\\boxed{B - 12 km}"          Out: letter_alone -> "\\boxed{B}"
"""

import re

from tasks.rows.jsonl import Row
from tasks.verify.answers.extract import extract_answer
from tasks.verify.answers.normal import normalise, squeeze
from tasks.verify.types import AnswerVerdict

_BETWEEN = re.compile(r"[«»{}()\[\]\\$*_]|和|与|及|以及")
_SMALL = re.compile(r"\s*[a-j](?:(?:\s*[,;+&]\s*|\s+and\s+|\s+)[a-j])+\s*")
_LETTERS = re.compile(
    r"(?:[\s,;.+&:/-]|(?:(?i:options?|choices?|answers?|letters?|and|are|is|the|both)|选项?|[A-J]+)(?![A-Za-z]))+"
)
_WITH_OPTION = re.compile(r"[\s$*]*\(?([A-J])\)?\s*[-–—:,.]\s*(.+?)[\s$*.]*", re.DOTALL)


def several(row: Row) -> bool:
    """Whether several letters are right."""
    return bool(row["options"]) and len(row["answer"]) > 1


def several_letters(gold: str, text: str) -> AnswerVerdict:
    """A row with several right letters ("AC"): correct if the answer is just these, in any order."""
    found = extract_answer(text)
    if found is None:
        return AnswerVerdict("no_answer", "no boxed answer and no closing statement", None, gold)
    letters = option_letters(found.text)
    if letters is None:
        return AnswerVerdict("wrong", "the answer is no list of option letters", found.text, gold)
    if letters == "".join(sorted(gold)):
        return AnswerVerdict("correct", "same letters", letters, gold)
    return AnswerVerdict("wrong", "other letters", letters, gold)


def option_letters(answer: str) -> str | None:
    """The letters of an answer that names options and nothing else, each once, sorted; None where it says more."""
    plain = _BETWEEN.sub(" ", normalise(answer))
    if _SMALL.fullmatch(plain):
        plain = re.sub(r"(?<![a-z])[a-j](?![a-z])", lambda letter: letter[0].upper(), plain)
    if not _LETTERS.fullmatch(plain):
        return None
    return "".join(sorted(set("".join(re.findall(r"(?<![A-Za-z])[A-J]+(?![A-Za-z])", plain))))) or None


def letter_alone(row: Row, text: str) -> str:
    """The text, or its letter in a box where the answer is a letter and that option's own text behind it."""
    found = extract_answer(text) if row["options"] else None
    match = _WITH_OPTION.fullmatch(found.text) if found else None
    at = ord(match[1]) - ord("A") if match else len(row["options"])
    if match is None or at >= len(row["options"]):
        return text
    said, option = (squeeze(normalise(one)).casefold() for one in (match[2], row["options"][at]))
    return rf"\boxed{{{match[1]}}}" if said == option else text
