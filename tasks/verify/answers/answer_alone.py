"""Whether a solution says nothing but its answer, so that nobody could follow how it was reached.

In:  "$\\boxed{36}$ The answer is $\\boxed{36}$"      Out: True
     "48 : 4/3 = 36. The answer is $\\boxed{36}$"     Out: False

Where answers alone decide what passes, this is what an agent may learn to write (docs/small_models.md). It is counted,
and decides nothing.
"""

import re

from tasks.verify.answers.boxes import without_boxes
from tasks.verify.answers.extract import extract_answer

_SAID = re.compile(
    r"\\[A-Za-z]+|\b(?:the|a|final|correct|numerical|right|answer|answers|result|solution|option|choice|is|are|of|to|for|this"
    r"|problem|question|so|thus|hence|therefore|and|finally)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]")


def answer_alone(text: str) -> bool:
    """Whether no word or number is left where the answer and the words that announce it are taken away."""
    rest = without_boxes(text)
    if (found := extract_answer(text)) is not None and found.text:
        rest = rest.replace(found.text, " ")
    return bool(text.strip()) and _WORD.search(_SAID.sub(" ", rest)) is None
