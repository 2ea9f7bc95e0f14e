"""The boxed answers of a text.

In:  "the parts are $\\boxed{2}$ and $\\boxed{3}$."
Out: last_boxed -> ("2, 3", 46)      (its content, and where in the text the box ends)
"""

import re

MAX_BOXES = 64
MAX_BOX = 8000  # characters in which a box must close
UNCLOSED = 300  # characters of a reference's box that never closes

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])")
_BRACE = re.compile(r"\\[{}\\]|[{}]")
_JOINT = re.compile(
    r"[\s$.,;:()\\\[\]*]*(?:\\q?quad|\\text\s*\{)?[\s$,;}{\\()\[\]~]*"
    r"(?:,|and|or|;|\\text\{[^{}]{0,40}\b(?:and|or)\b[^{}]*\}|\\q?quad)[\s$\\()\[\]{},~*]*"
    r"(?:\\q?quad)?\s*(?:\\?\(?\$?\s*[A-Za-z](?:_\{?\w+\}?)?(?:\(\w\))?\s*=\s*)?[\s$\\()\[\]{}]*"
)
_ADJACENT = re.compile(
    r"[\s$,;]*|\s*(?:\w+\s+){1,2}(?:and|or)\s*(?:\$|\\\()?|\s*(?:\$|\\\))?\s*(?:and|or)\s+(?:\w+\s+)?(?:\$|\\\()?"
)


def has_box(text: str) -> bool:
    """Whether a box stands in the text, empty or not."""
    return _BOX.search(text) is not None


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
    return ", ".join(dict.fromkeys(content for _, content, _ in reversed(boxes))), boxes[0][2]


def _joined(between: str) -> bool:
    return len(between) <= 80 and bool(_JOINT.fullmatch(between) or _ADJACENT.fullmatch(between))


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
            return text[start + 1 : brace.start()], brace.end()
    return (text[start + 1 : start + UNCLOSED].split("\n")[0], limit) if unclosed else (None, start)
