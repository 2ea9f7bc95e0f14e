"""References: which can be verified at all.

In:  "Thus the sum is $\\boxed{42}$."      Out: (True, "")
In:  "… which completes the proof. $\\blacksquare$"      Out: (False, "a proof: it states no answer")
"""

import re

from tasks.verify.answers.extract import extract_gold
from tasks.verify.answers.limits import refuse
from tasks.verify.answers.normal import normalise
from tasks.verify.answers.words import read_words

MAX_WORDS = 10  # an answer of more words has many right phrasings

_PROOF = re.compile(r"\\blacksquare|\bQ\.?E\.?D\b|\\qed|∎|\\square(?![A-Za-z])", re.IGNORECASE)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")


def verifiable(gold: str) -> tuple[bool, str]:
    """Whether an answer can be checked against this reference answer or solution, and if not, why."""
    extracted = extract_gold(gold)
    if extracted is None:
        return False, "a proof: it states no answer" if _PROOF.search(gold) else "it states no answer"
    if extracted.source in ("sentence", "whole") and _PROOF.search(gold):
        return False, "a proof: it states no answer"
    answer = normalise(extracted.text)
    if not answer:
        return False, "its answer is empty"
    if reason := refuse(answer):
        return False, f"its answer is {reason}"
    words = _WORD.findall(re.sub(r"\\[A-Za-z]+", " ", answer))
    if read_words(answer) is not None and len(words) > MAX_WORDS:
        return False, f"its answer is prose of {len(words)} words"
    return True, ""
