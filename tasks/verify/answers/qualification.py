"""Qualifications after an answer: "f(x)=cx, where c is real". They may be left off, conditions may not.

In:  without_qualification("f(x)=cx«where c is real»", "f(x)=cx")
Out: ("f(x)=cx", "f(x)=cx")
"""

import re
from typing import Literal

from tasks.verify.answers.normal import squeeze

_QUALIFIER = re.compile(
    r"(?:(?<![,; ])[,; ]++\(?|\()([a-zA-Z](?:,[a-zA-Z])*) ?(?:\\in ?\\mathbb\{[A-Z]\}|«(?:is )?an integer»)"
    r"(?:\^\+)?\)?$|"
    r"(?<![,; ])[,; ]*+«?[ ,]*+(?<![A-Za-z\\])"
    r"(?:where|for|such that|whenever|if|when|with|provided|unless|otherwise)(?![A-Za-z])",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"(?<![A-Za-z])(?:if|when|whenever|otherwise|unless|provided)(?![A-Za-z])", re.IGNORECASE)
_TERM = re.compile(r"\\mathbb\{[A-Z]\}|\\[A-Za-z]+|«[^«»]*»|(?<![A-Za-z])(?:and|or)(?![A-Za-z])|[A-Za-z]")


def without_qualification(gold: str, answer: str) -> tuple[str, str] | Literal[False] | None:
    """Both answers without their qualifications; False where these differ or are a condition that one side lacks, None
    where neither has one."""
    wanted, got = _qualifier(gold), _qualifier(answer)
    if not wanted and not got:
        return None
    heads = [text[: match.start()] if match else text for text, match in ((gold, wanted), (answer, got))]
    tails = [text[match.start() :] if match else "" for text, match in ((gold, wanted), (answer, got))]
    if not all(head.strip(" ,;«»") for head in heads):
        return None
    if wanted and got:
        if _tail_terms(tails[0]) != _tail_terms(tails[1]):
            return False
    elif _CONDITION.search(tails[0] + tails[1]):
        return False
    return heads[0].rstrip(" ,;«"), heads[1].rstrip(" ,;«")


def _qualifier(text: str) -> re.Match[str] | None:
    """What is said of a letter of the answer; "y\\in\\mathbb{R}" behind "x=2" is a part of it."""
    match = _QUALIFIER.search(text)
    return match if match and (not match[1] or set(match[1].split(",")) <= _letters(text[: match.start()])) else None


def with_parameter_of(gold: str, answer: str) -> str:
    """The answer with its integer parameter by the name that it has in the reference: n\\pi for k\\pi.

    A letter is one if it is said to be an integer, or if it is k, m or n and counts multiples of \\pi."""
    if r"\mathbb{Z}" not in gold + answer and not (r"\pi" in gold and r"\pi" in answer):
        return answer
    theirs, ours = _letters(gold), _letters(answer)
    if len(theirs - ours) != 1 or len(ours - theirs) != 1:
        return answer
    name, other = (theirs - ours).pop(), (ours - theirs).pop()
    said = re.search(rf"{name} ?\\in ?\\mathbb{{Z}}", gold) or re.search(rf"{other} ?\\in ?\\mathbb{{Z}}", answer)
    if not said and not (name in "kmn" and other in "kmn" and r"\pi" in gold):
        return answer
    return _TERM.sub(lambda term: name if term[0] == other else term[0], answer)


def _letters(text: str) -> set[str]:
    return {term for term in _TERM.findall(text) if len(term) == 1}


def _tail_terms(tail: str) -> list[str]:
    """The variables and numbers of a qualification (its words do not count), or its formulas as they stand."""
    if re.search(r"[-+=<>^]|\\frac", tail):
        return [squeeze(re.sub(r"(?<![A-Za-z\\])[A-Za-z]{2,}|[«»,. ]", "", tail))]
    return re.findall(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])|[0-9]+", tail)
