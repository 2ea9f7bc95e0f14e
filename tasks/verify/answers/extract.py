"""Where the answer stands in a solution: the last box, else GSM8K's mark or a heading, else the closing statement.

In:  "Together they sold 48+24 clips. The answer is $\\boxed{72}$."
Out: Extracted("72", "boxed")
"""

import re
from dataclasses import dataclass
from typing import Literal

from tasks.verify.answers.boxes import first_box, has_box, last_boxed
from tasks.verify.answers.closing import (
    LATER,
    STATEMENT,
    closing_value,
    is_bare,
    said_in_box,
    stated,
    stated_answer,
)
from tasks.verify.answers.languages import ELSEWHERE

Source = Literal["boxed", "marked", "statement", "whole", "sentence"]

TAIL = 4000  # characters from the end in which a closing statement is looked for first
SHORT = 300  # a longer text is a solution, not an answer


@dataclass(frozen=True, slots=True)
class Extracted:
    """An answer as it was written, and where it stood."""

    text: str
    source: Source


# Where JSON read a lone backslash as an escape: "\\boxed" came as a backspace and "oxed".
_UNESCAPED = re.compile(
    r"[\a\x08\f\v](?=[a-z])|\t(?=(?:ext|imes|frac|heta|an|au)(?![a-z]))|\r(?=(?:ight|angle|floor|ho)(?![a-z]))"
)
_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\v": r"\v", "\t": r"\t", "\r": r"\r"}
_MAY_RUN = re.compile(r"\s[\s$*]{3}")  # holds where _RUN does, and costs a quarter
_RUN = re.compile(r"\s{4,}|(?<=\s)[\s$*]{8,}")  # long runs mean nothing, and cost the patterns their square
_MARK = re.compile(r"####[ \t]*([^\n]+)")
_CUT_OFF = re.compile(r"\\boxed\s*\{[^}]*$")
_THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_HEADING = re.compile(
    r"^[ \t]*(?:\#{1,6}[ \t]*(?:\*\*)?|\*\*)[ \t]*(?:the[ \t]+)?(?:final[ \t]+)?answer"
    r"[ \t]*:?(?:\*\*)?[ \t]*:?[ \t]*\n\s*",
    re.IGNORECASE | re.MULTILINE,
)
_LABELLED = re.compile(  # "Total cost: $45"; what follows a second currency sign is no part of it
    r"[A-Z]?[a-z]{2,20}(?: [A-Za-z]{1,20}){0,6} ?:\s*"
    r"([$€£¥₹]?\s*-?[0-9][0-9.,/]*(?:\s*[$€£¥₹%](?=\s)|[^:=<>()\\]{0,30}$))"
)
_MARKDOWN = re.compile(r"^(?:[-+*]\s)?[\s#>*_]+|[\s*_]+$|(?<![0-9A-Za-z)])\*\*|\*\*(?![0-9A-Za-z(])")


def extract_answer(text: str) -> Extracted | None:
    """The answer of a model's text, a whole solution or a bare answer; None where it states none."""
    text = _without_runs(_read(text[-200_000:])).strip()
    if "<" in text:
        text = _spoken(text)
    boxed = last_boxed(text)
    marked = _last(_MARK, text) if "####" in text else None
    if "nswer" in text[-TAIL:] and (heading := _last(_HEADING, text)):
        below = text[heading.end() :].strip()
        if below and not has_box(below) and not marked:
            if len(below) <= SHORT and "\n" not in below and is_bare(below):
                return Extracted(below, "marked")
            text = below
    if boxed and not (marked and text.rfind("####") > boxed[1]):
        return _boxed_or_later(boxed[0], text[boxed[1] :])
    if marked:
        return Extracted(marked[1].strip(), "marked")
    tail = text[-TAIL:]
    if has_box(tail) and _CUT_OFF.search(tail):
        return None  # a box that never closes was cut off
    if said := stated_answer(tail) or (stated_answer(text) if len(text) > TAIL else None):
        return Extracted(said, "statement")
    if text and len(text) <= SHORT and "\n" not in text and not has_box(text) and is_bare(text):
        return Extracted(_without_label(text), "whole")
    closing = closing_value(tail)
    return Extracted(closing, "sentence") if closing else None


def _spoken(text: str) -> str:
    """What a model says after it has thought, or between its answer tags. Thought that never ends says nothing."""
    thoughts = list(_THOUGHT.finditer(text))
    if thoughts:
        text = "" if not thoughts[-1][1] else text[thoughts[-1].end() :]
    end = text.rfind("</answer>")
    start = text.rfind("<answer>", 0, end) if end >= 0 else -1
    if start >= 0 and (tagged := text[start + len("<answer>") : end].strip()) and not has_box(text[end:]):
        text = tagged
    return text.strip()


def _boxed_or_later(box: str, after: str) -> Extracted:
    """The box, unless the author's later word is another: Minerva's "The final answer is …", "The answer is: 2"."""
    if "nswer" in after:
        later = stated(after, LATER)
        if later and re.search(r"[0-9\\]", later):
            return Extracted(later, "statement")
    return Extracted(said_in_box(box) or _without_label(box), "boxed")


def _without_label(answer: str) -> str:
    label = _LABELLED.match(_MARKDOWN.sub("", answer)) if ":" in answer else None
    return label[1] if label else answer


def extract_gold(text: str) -> Extracted | None:
    """The answer of a reference, which is an answer or a solution; an answer may be any short text."""
    text = _read(text[-200_000:])
    # What is before the first box changes no box, and is most of a solution.
    first = first_box(text)
    if first >= 0 and (boxed := last_boxed(_without_runs(text[first:]).strip(), unclosed=True)):
        return Extracted(boxed[0], "boxed")
    text = _without_runs(text).strip()
    marked = _last(_MARK, text) if "####" in text else None
    if marked:
        return Extracted(marked[1].strip(), "marked")
    if has_box(text):
        return None  # an empty box
    if text and len(text) <= SHORT and "\n\n" not in text and not STATEMENT.search(text) and not ELSEWHERE.search(text):
        return Extracted(_without_label(text), "whole")
    return extract_answer(text)


def _read(text: str) -> str:
    if not ("\b" in text or "\f" in text or "\t" in text or "\r" in text or "\a" in text or "\v" in text):
        return text
    return _UNESCAPED.sub(lambda found: _ESCAPES[found[0]], text)


def _without_runs(text: str) -> str:
    return _RUN.sub(_shortened, text) if _MAY_RUN.search(text) else text


def _shortened(run: re.Match[str]) -> str:
    return run[0][:3]


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    match = None
    for match in pattern.finditer(text):  # noqa: B007
        pass
    return match
