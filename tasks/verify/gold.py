"""References: which can be verified at all, and a check that a corpus accepts its own answers.

In:  "Thus the sum is $\\boxed{42}$."      Out: (True, "")
In:  "… which completes the proof. $\\blacksquare$"      Out: (False, "a proof: it states no answer")
"""

import re

from tasks.verify.extract import extract_gold
from tasks.verify.limits import refuse
from tasks.verify.normal import normalise
from tasks.verify.words import read_words

MAX_WORDS = 10  # an answer of more words has many right phrasings

_PROOF = re.compile(r"\\blacksquare|\bQ\.?E\.?D\b|\\qed|∎|\\square(?![A-Za-z])", re.IGNORECASE)
_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")


def verifiable(gold: str) -> tuple[bool, str]:
    """Whether an answer can be checked against this reference answer or solution, and if not, why."""
    extracted = extract_gold(gold)
    if extracted is None or (extracted.source == "sentence" and _PROOF.search(gold)):
        return False, "a proof: it states no answer" if _PROOF.search(gold) else "it states no answer"
    if extracted.source == "whole" and _PROOF.search(extracted.text):
        return False, "a proof: it states no answer"
    answer = normalise(extracted.text)
    if not answer:
        return False, "its answer is empty"
    reason = refuse(answer)
    if reason:
        return False, f"its answer is {reason}"
    words = _PROSE.findall(re.sub(r"\\[A-Za-z]+", " ", answer))
    if read_words(answer) is not None and len(words) > MAX_WORDS:
        return False, f"its answer is prose of {len(words)} words"
    return True, ""
