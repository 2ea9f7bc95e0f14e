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

# A search that begins with a set of signs skips the rest ten times faster.
_PROOF = re.compile(r"[\\qQ∎](?i:(?<=\\)(?:blacksquare|qed|square(?![A-Za-z]))|(?<=\bq)\.?E\.?D\b|(?<=∎))")
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
    if len(answer) < 3 * MAX_WORDS:  # so many words do not fit
        return True, ""
    words = _WORD.findall(re.sub(r"\\[A-Za-z]+", " ", answer))
    if len(words) > MAX_WORDS and read_words(answer) is not None:
        return False, f"its answer is prose of {len(words)} words"
    return True, ""
