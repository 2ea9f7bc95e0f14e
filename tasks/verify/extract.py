"""Where the answer stands in a solution: the last boxed answer, else GSM8K's mark, else the closing statement.

In:  "Together they sold 48+24 clips. The answer is $\\boxed{72}$."
Out: Extracted("72", "boxed")
"""

import re
from dataclasses import dataclass
from typing import Literal

Source = Literal["boxed", "marked", "statement", "whole", "sentence"]

TAIL = 4000  # characters from the end in which a closing statement is looked for
MAX_BOXES = 64
MAX_BOX = 8000  # characters in which a box must close
SHORT = 300  # a longer text is a solution, not an answer


@dataclass(frozen=True, slots=True)
class Extracted:
    """An answer as it was written, and where it stood."""

    text: str
    source: Source


_RUN = re.compile(r"\s{4,}|(?<=\s)[\s$*]{8,}")  # long runs mean nothing, and cost the patterns below their square
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])")
_IN_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_BRACE = re.compile(r"\\[{}\\]|[{}]")
_MARK = re.compile(r"####[ \t]*([^\n]+)")
_JOINT = re.compile(
    r"[\s$.,;:()\\\[\]*]*(?:\\q?quad|\\text\s*\{)?[\s$,;}{\\()\[\]~]*"
    r"(?:,|and|or|;|\\text\{[^{}]{0,40}\b(?:and|or)\b[^{}]*\}|\\q?quad)[\s$\\()\[\]{},~*]*"
    r"(?:\\q?quad)?\s*(?:\\?\(?\$?\s*[A-Za-z](?:_\{?\w+\}?)?(?:\(\w\))?\s*=\s*)?[\s$\\()\[\]{}]*"
)
_ADJACENT = re.compile(
    r"[\s$,;]*|\s*(?:\w+\s+){1,2}(?:and|or)\s*(?:\$|\\\()?|\s*(?:\$|\\\))?\s*(?:and|or)\s+(?:\w+\s+)?(?:\$|\\\()?"
)
_STATEMENT = re.compile(
    r"(?:final\s+answer|correct\s+answer|correct\s+(?:option|choice)|(?<![A-Za-z])(?:the|our|your|my|an)\s+answer|"
    r"(?<![A-Za-z])answer(?!s?\s+choices)|(?<![A-Za-z])ans(?![A-Za-z])|"
    r"(?:the\s+)?(?:correct|right|best)\s+(?:option|choice)|the\s+solution|option\s+chosen)"
    r"(?:\s+(?:to\s+(?:the|this)\s+(?:question|problem)|choice|option|here|letter|for\s+this\s+\w+|therefore|thus|"
    r"in\s+[\w ]{1,30}))?[\s*_]*+"
    r"(?:(?:is|was|are|equals|=|would\s+be|must\s+be|should\s+be|will\s+be)"
    r"(?:\s+(?:therefore|thus|then|simply|just|also|option|choice))?\s*:?|:|：|-(?=\s))[\s*]*+",
    re.IGNORECASE,
)
_BEFORE_MATH = re.compile(r"(?<![A-Za-z])answer\s*(?=\$|\\\(|\\\[)", re.IGNORECASE)
_STRONG = re.compile(
    r"(?:the\s+)?final\s+answer\s+(?:is|:)\s*:?\s*|final\s+answer[\s*]*+:\s*(?:the\s+final\s+answer\s+is\s*)?",
    re.IGNORECASE,
)
_LETTER = re.compile(
    r"(?i:answer|ans|option|choice)\.?\s*(?:(?i:is|option|choice)|[:=-])*\s*"
    r"\(?([A-J])\)?(?=[.,)]?\s*(?:$|\n|\)|(?i:is\b)|[0-9$]))"
    r"|(?:it's|it is|choose|pick|select)\s+(?i:option\s+|choice\s+)?\(?([A-J])\)?\s*[.!]?\s*$"
    r"|(?<![A-Za-z])\(?([A-J])\)?\s+is\s+(?:the\s+)?(?:correct|right|best|answer)|(?:^|\n)\s*\**\(?([A-J])\)?\**\.?\s*$"
)
_CHINESE = re.compile(r"(?:答案[是为：:]*|故选[：:]?)\s*")
_HOPE = re.compile(
    r"(?<!\s)\s*+\.?\s*+I\s+hope\s+(?:it|this)\s+is\s+correct.*|"
    r"<\|?(?:im_|end|eot|/s)[^\n]*|</s>.*",
    re.IGNORECASE | re.DOTALL,
)
_MATH = re.compile(
    r"\$\$(.+?)\$\$|"
    r"(?<![\\0-9])\$(?!\s*[0-9,.]+[^$\n]{0,3}(?:\s[a-z]{2,}|$))(.+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]",
    re.DOTALL,
)
_SENTENCE_END = re.compile(r"(?<![A-Z])(?<!\bRs)(?<!\bvs)(?<!\bapprox)[.!?](?=\s+(?:[A-Z\\$\[<*]|$)|\s*$)|\n|。")
_NUMBER = re.compile(
    r"(?:[$€£¥₹]\s*)?-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?:\s*/\s*[0-9]+)?"
    r"(?:\s*%|\s*percent|\s*[€£¥₹])?|-?\.[0-9]+"
)
_IS = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|get|gives|by|has|have|find|that|in|of|to|at|costs?|pays?)\b|=|≈|:)\s*",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"\b(?:is|are|it's|that's|so|therefore|thus|hence|find|get|gives|equals|which|solution)\b", re.IGNORECASE
)
_TELLS = re.compile(r"(?:[A-Z][A-Za-z']+|I)(?: [A-Za-z']+)+ [$€£]?[0-9]")  # "Claire eats 45 eggs"
_GENERIC = re.compile(r"(?:option|choice)\s+", re.IGNORECASE)
_ANSWER_IN_PARENTHESES = re.compile(r"^[(\[{].*[)\]}]$", re.DOTALL)


def extract_answer(text: str) -> Extracted | None:
    """The answer of a model's text, a whole solution or a bare answer; None where it states none."""
    text = _RUN.sub(_shortened, text[-200_000:]).strip()
    boxed = last_boxed(text)
    marked = _last(_MARK, text[-TAIL:])
    if boxed and not (marked and text.rfind("####") > boxed[1]):
        after = text[boxed[1] :]
        stated = _stated(after, _STRONG) if "answer" in after.lower() else None
        if stated and re.search(r"[0-9\\]", stated):  # the author's later word, in Minerva's closing form
            return Extracted(stated, "statement")
        wordy = re.search(r"answer|choice|option", boxed[0])
        said = _stated(_IN_TEXT.sub(r" \1 ", boxed[0]), _STATEMENT) if wordy else None
        return Extracted(said or boxed[0], "boxed")
    if marked:
        return Extracted(marked[1].strip(), "marked")
    if _BOX.search(text[-TAIL:]) and re.search(r"\\boxed\s*\{[^}]*$", text[-TAIL:]):
        return None  # a box that never closes was cut off
    tail = _HOPE.sub("", text[-TAIL:])
    stated = (
        _stated(tail, _STRONG) or _stated(tail, _STATEMENT) or _stated(tail, _BEFORE_MATH) or _stated(tail, _CHINESE)
    )
    if stated:
        return Extracted(stated, "statement")
    if letter := _last(_LETTER, tail):
        return Extracted(next(group for group in letter.groups() if group), "statement")
    if _is_bare(text):
        return Extracted(text, "whole")
    closing = _closing(tail)
    return Extracted(closing, "sentence") if closing else None


def _shortened(run: re.Match[str]) -> str:
    return run[0][:3]


def extract_gold(text: str) -> Extracted | None:
    """The answer of a reference, which is an answer or a solution; an answer may be any short text."""
    text = _RUN.sub(_shortened, text[-200_000:]).strip()
    boxed = last_boxed(text, unclosed=True)
    if boxed:
        return Extracted(boxed[0], "boxed")
    marked = _last(_MARK, text[-TAIL:])
    if marked:
        return Extracted(marked[1].strip(), "marked")
    if _BOX.search(text):
        return None  # an empty box
    if text and len(text) <= SHORT and "\n\n" not in text and not _STATEMENT.search(text):
        math = list(_MATH.finditer(text))
        if (
            len(math) == 1
            and re.search(r"(?:is|=|answer)\s*:?\s*$", text[: math[0].start()])
            and not text[math[0].end() :].strip(" .")
        ):
            return Extracted(_inside(math[0]), "statement")
        return Extracted(text, "whole")
    return extract_answer(text)


def last_boxed(text: str, unclosed: bool = False) -> tuple[str, int] | None:
    """Content and end of the last box that is not empty. Boxes joined by "and", "or" or a comma are one answer."""
    boxes: list[tuple[int, str, int]] = []
    limit = len(text)
    for match in reversed(list(_BOX.finditer(text))[-MAX_BOXES:]):
        content, end = _content(text, match.end(), limit, unclosed)
        if content is None:  # cut off; an earlier box was not the last word
            break
        if not content.strip() or (boxes and end > boxes[-1][0]):  # empty, or around a box that was read already
            continue
        if boxes and not _joined(text[end : boxes[-1][0]]):
            break
        boxes.append((match.start(), content.strip(), end))
    if not boxes:
        return None
    contents: list[str] = []
    for _, content, _ in reversed(boxes):
        if content not in contents:
            contents.append(content)
    return (contents[0] if len(contents) == 1 else ", ".join(contents)), boxes[0][2]


def _joined(between: str) -> bool:
    if len(between) > 80 or "\n\n" in between or "####" in between:
        return False
    return bool(_JOINT.fullmatch(between) or _ADJACENT.fullmatch(between))


def _content(text: str, start: int, limit: int, unclosed: bool) -> tuple[str | None, int]:
    while start < limit and text[start] in " \t\n":
        start += 1
    if start >= limit:
        return None, start
    if text[start] != "{":
        match = re.compile(r"[^\s$.,]+").match(text, start)
        return (match[0], match.end()) if match else (None, start)
    depth = 0
    for brace in _BRACE.finditer(text, start, min(limit, start + MAX_BOX)):
        if len(brace[0]) == 2:
            continue  # escaped
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return _unnest(text[start + 1 : brace.start()]), brace.end()
    return (text[start + 1 : start + SHORT].split("\n")[0], limit) if unclosed else (None, start)


def _unnest(content: str) -> str:
    inner = _BOX.search(content)
    return re.sub(r"\\(?:boxed|fbox)\s*\{(.*)\}", r"\1", content, flags=re.DOTALL) if inner else content


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    match = None
    for match in pattern.finditer(text):  # noqa: B007
        pass
    return match


def _stated(text: str, pattern: re.Pattern[str]) -> str | None:
    """What follows the last statement of the answer, up to the end of its sentence."""
    for match in reversed(list(pattern.finditer(text))):
        rest = _HOPE.sub("", text[match.end() : match.end() + 1000])
        rest = rest.lstrip(" \n*")
        said = _first_sentence(rest)
        if said:
            return _narrow(said)
    return None


def _first_sentence(text: str) -> str:
    math = _MATH.match(text)
    end = math.end() if math else 0
    stop = _SENTENCE_END.search(text, end)
    return (text[: stop.start()] if stop else text).strip(" *\t\n")


def _inside(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None).strip()


def _narrow(said: str) -> str | None:
    """The answer in a sentence such as "option (C)", "$x=5$ meters", "the largest n is 34"."""
    said = _GENERIC.sub("", said, count=1) if _GENERIC.match(said) else said
    said = said.replace('\\"', "").strip(" *\"'`").rstrip(".")
    math = list(_MATH.finditer(said))
    if math:
        outside = _MATH.sub(" ", said)
        plain = re.sub(r"[\s.,;*]|\band\b|\bor\b", "", outside)
        if not plain or _is_unit_like(outside) or (len(math) > 1 and not re.search(r"[A-Za-z]{3,}", plain)):
            return _MATH.sub(lambda m: f" {_inside(m)} ", said).strip()
        if said[: math[0].start()].strip() == "" and len(math) == 1:
            return (
                _inside(math[0]) if len(outside.split()) > 4 else _MATH.sub(lambda m: f" {_inside(m)} ", said).strip()
            )
        return _value_in(said)
    if re.match(r"\(?[A-J]\)?(?:[).:,]|\s|$)", said):
        return (
            re.split(r",\s+(?=(?:it|because|since|as|so|not|which|and)\b)", said)[0] if len(said) <= 120 else said[:3]
        )
    words = said.split()
    if len(words) > 6:
        letter = re.search(r"(?<![A-Za-z'])\(?([A-J])\)?(?=[,.;]|\s*$)", said)
        return _value_in(said) or (letter[1] if letter else None)
    if re.search(r"\b(?:is|are|equals)\b", said):
        said = re.split(r"\b(?:is|are|equals)\b", said)[-1].strip()
    return said or None


def _is_unit_like(outside: str) -> bool:
    return len(outside.split()) <= 3 and not re.search(r"\b(?:is|are|for|when|so|the|then)\b|=", outside)


def _is_bare(text: str) -> bool:
    """Whether the text is an answer rather than sentences about one."""
    if not text or len(text) > SHORT or "\n" in text or _BOX.search(text):
        return False
    outside = _IN_TEXT.sub(" ", _MATH.sub(" ", text))
    if _MATH.search(text) and re.search(r"[A-Za-z]{3,}", outside) and len(outside.split()) > 2:
        return False
    math = _MATH.search(text)
    if math and re.search(r"[A-Za-z]{3,}\s*:\s*$", text[: math.start()]):
        return False
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{2,}", outside)
    if _TELLS.match(text) and not re.search(r"[\\=<>$]", text):
        return False
    return not _SENTENCE.search(outside) or len(words) <= 2


def _closing(text: str) -> str | None:
    """The value that the last sentence ends on."""
    sentences = [
        sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence and sentence.strip(" *#-\\[]()$")
    ]
    return _value_in(sentences[-1]) if sentences else None


def _value_in(sentence: str) -> str | None:
    math = list(_MATH.finditer(sentence))
    after = sentence[math[-1].end() :] if math else sentence
    if math and not _NUMBER.search(after):
        return _inside(math[-1])
    parts = _IS.split(after)
    last = parts[-1].strip(" .*")
    if last and len(last.split()) <= 3 and (_NUMBER.search(last) or _ANSWER_IN_PARENTHESES.match(last)):
        return last
    tuples = re.findall(r"[(\[]\s*-?[0-9./\\a-z]+(?:\s*,\s*-?[0-9./\\a-z]+)+\s*[)\]]", after)
    if tuples:
        return str(tuples[-1])
    numbers = [match for match in _NUMBER.finditer(after) if not (match.start() and after[match.start() - 1].isalnum())]
    return numbers[-1][0].strip() if numbers else None
