"""Qualifications after an answer: "f(x)=cx, where c is real". They may be left off, conditions may not.

In:  without_qualification("f(x)=cx«where c is real»", "f(x)=cx")
Out: ("f(x)=cx", "f(x)=cx")
"""

import re
from typing import Literal

from tasks.verify.answers.normal import squeeze

_QUALIFIER = re.compile(
    r"(?<![,; ])[,; ]*+\(?[a-zA-Z](?:,[a-zA-Z])*(?:\\in ?\\mathbb\{[A-Z]\}|«(?:is )?an integer»)(?:\^\+)?\)?$|"
    r"(?<![,; ])[,; ]*+«?[ ,]*+(?<![A-Za-z\\])"
    r"(?:where|for|such that|whenever|if|when|with|provided|unless|otherwise)(?![A-Za-z])",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"(?<![A-Za-z])(?:if|when|whenever|otherwise|unless|provided)(?![A-Za-z])", re.IGNORECASE)


def without_qualification(gold: str, answer: str) -> tuple[str, str] | Literal[False] | None:
    """Both answers without their qualifications; False where these differ or are a condition that one side lacks, None
    where neither has one."""
    wanted, got = _QUALIFIER.search(gold), _QUALIFIER.search(answer)
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


def _tail_terms(tail: str) -> list[str]:
    """The variables and numbers of a qualification (its words do not count), or its formulas as they stand."""
    if re.search(r"[-+=<>^]|\\frac", tail):
        return [squeeze(re.sub(r"(?<![A-Za-z\\])[A-Za-z]{2,}|[«»,. ]", "", tail))]
    return re.findall(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])|[0-9]+", tail)
