"""When two questions are one: across corpora, benchmarks and the parts of a split.

In:  "What is $3 + 4$?"
Out: "whatis34"
"""

import re

_LEFT_OUT = re.compile(r"[^a-z0-9]+")


def normalised(question: str) -> str:
    """A question for comparison across data sets: its letters and digits alone, in lower case."""
    return _LEFT_OUT.sub("", question.lower())
