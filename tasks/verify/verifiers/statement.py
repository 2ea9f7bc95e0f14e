"""Where the answer stands in a text of any domain: the user's pattern, a box, a tag, "Answer: …", else the last line.

In:  "Fever and a stiff neck point to it.\\nAnswer: bacterial meningitis"         Out: "bacterial meningitis"
In:  "Aspirin is contraindicated.\\n\\n$\\\\boxed{B}$"                              Out: "B"
"""

import re

from tasks.verify.answers.boxes import last_boxed

_THOUGHT = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_OPEN_THOUGHT = re.compile(r"<(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_TAG = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.IGNORECASE | re.DOTALL)
_LABEL = re.compile(
    r"(?:^|\n|(?<=[.!?] ))[ \t#>*_-]*(?:(?:so|thus|therefore|hence),?[ \t]+)?(?:the[ \t]+)?"
    r"(?:(?:final|correct|best|right)[ \t]+)?(?:answer|choice|option)[ \t*_]*(?::|is\b:?)[ \t*_]*([^\n]+)"
    r"|####[ \t]*([^\n]+)",
    re.IGNORECASE,
)
_DECORATION = " \t\r\n*_`$\"'“”"


def statement(text: str, pattern: str | None = None) -> str | None:
    """The answer that a text states, without Markdown around it and a full stop behind; None where it states none."""
    spoken = _THOUGHT.split(text)[-1]
    if _OPEN_THOUGHT.search(spoken):  # it is still thinking
        return None
    if pattern is not None:
        found = list(re.finditer(pattern, spoken))
        return _plain(found[-1][1] if found[-1].re.groups else found[-1][0]) if found else None
    if boxed := last_boxed(spoken):
        return _plain(boxed[0])
    if tags := _TAG.findall(spoken):
        return _plain(tags[-1])
    if labels := list(_LABEL.finditer(spoken)):
        return _plain(labels[-1][1] or labels[-1][2])
    lines = [line for line in spoken.splitlines() if line.strip()]
    return _plain(lines[-1]) if lines else None


def _plain(text: str | None) -> str | None:
    plain = (text or "").strip(_DECORATION).removesuffix(".").strip(_DECORATION)
    return plain or None
