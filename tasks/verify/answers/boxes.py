"""The boxed answers of a text.

In:  "the parts are $\\boxed{2}$ and $\\boxed{3}$."
Out: last_boxed -> ("2, 3", 46)      (its content, and where in the text the box ends)
"""

import re

MAX_BOXES = 64
MAX_BOX = 8000  # characters in which a box must close
UNCLOSED = 300  # characters of a reference's box that never closes

_OPTIONS = r"(?:\s*\[[^\]\n]{0,60}\])*"
_BOX = re.compile(rf"\\(?:boxed|Aboxed|fbox|framebox)(?![A-Za-z]){_OPTIONS}")
# Boxes that decorate as well: they hold the answer where there is no other box.
_OTHER_BOX = re.compile(
    rf"\\(?:bbox|tcbox|ovalbox|shadowbox|doublebox)(?![A-Za-z]){_OPTIONS}"
    r"|\\colorbox\s*\{[^{}]{1,40}\}|\\fcolorbox\s*\{[^{}]{1,40}\}\s*\{[^{}]{1,40}\}|\\enclose\s*\{[a-z ,]*box[^{}]*\}"
)
# What stands in a box that is spoken of: "\\boxed{answer}", "\\boxed{...}", "the \\boxed environment".
_PLACEHOLDER = re.compile(
    r"[\s`\"'.…?_#<>\[\]$~*]*(?:\\[lc]?dots|\\(?:text|mathrm|textbf)\{)?[\s.…<]*"
    r"(?:(?:your |the |my )?(?:final )?(?:numerical |numeric )?(?:answer|ans|result|content|value|solution)s?"
    r"(?: here)?)?"
    r"[\s`\"'.…?>\]}*]*",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?:[-+]?[0-9.,]*[0-9]|\\(?!text|boxed)[A-Za-z]+|[A-Za-z](?![A-Za-z`'])|[-+(\[|])[^\s$.,`]*")
_BRACE = re.compile(r"\\[{}\\]|[{}]")
_JOINT = re.compile(
    r"[\s$.,;:()\\\[\]*]*(?:\\q?quad|\\text\s*\{)?[\s$,;}{\\()\[\]~]*"
    r"(?:,|and|or|;|\\text\{[^{}]{0,40}\b(?:and|or)\b[^{}]*\}|\\q?quad)[\s$\\()\[\]{},~*]*"
    r"(?:\\q?quad)?\s*(?:\\?\(?\$?\s*[A-Za-z](?:_\{?\w+\}?)?(?:\(\w\))?\s*=\s*)?[\s$\\()\[\]{}]*"
)
_ADJACENT = re.compile(
    r"[\s$,;]*|\s*(?:\w+\s+){1,2}(?:and|or)\s*(?:\$|\\\()?|\s*(?:\$|\\\))?\s*(?:and|or)\s+(?:\w+\s+)?(?:\$|\\\()?"
)


def first_box(text: str) -> int:
    """Where the first box begins, or earlier; -1 where there is certainly none. Cheap: most of a solution is before it.

    What `_BOX` and `_OTHER_BOX` find is named "…box…" behind its backslash, with no other backslash between.
    """
    named = text.find("box")
    if named < 0:
        return -1
    begins = text.rfind("\\", 0, named)
    return begins if begins >= 0 else text.find("\\", named)


def has_box(text: str) -> bool:
    """Whether a box stands in the text, empty or not."""
    first = first_box(text)
    return first >= 0 and (_BOX.search(text, first) or _OTHER_BOX.search(text, first)) is not None


def without_boxes(text: str) -> str:
    """The text around its boxes; from one that never closes on, the text as it is."""
    kept, at = [], 0
    first = first_box(text)
    for match in _BOX.finditer(text, first) if first >= 0 else ():
        content, end = _content(text, match.end(), len(text), unclosed=False)
        if content is None:
            break
        if match.start() >= at:  # else it lies in one that is left out already
            kept.append(text[at : match.start()])
            at = end
    return "".join([*kept, text[at:]])


def last_boxed(text: str, unclosed: bool = False) -> tuple[str, int] | None:
    """Content and end of the last box that is not empty. Boxes joined by "and", "or" or a comma are one answer."""
    boxes: list[tuple[int, str, int]] = []
    limit = len(text)
    first = first_box(text)
    if first < 0:
        return None
    found = list(_BOX.finditer(text, first)) or list(_OTHER_BOX.finditer(text, first))
    for match in reversed(found[-MAX_BOXES:]):
        content, end = _content(text, match.end(), limit, unclosed)
        if content is None:  # cut off; an earlier box was not the last word
            break
        if _is_placeholder(content) or (boxes and end > boxes[-1][0]):  # empty, or around a box that was read already
            continue
        if boxes and not _joined(text[end : boxes[-1][0]]):
            break
        boxes.append((match.start(), content.strip(), end))
    if not boxes:
        return None
    return ", ".join(dict.fromkeys(content for _, content, _ in reversed(boxes))), boxes[0][2]


def _is_placeholder(content: str) -> bool:
    if content.isalnum() and not content.isalpha():
        return False
    return not content.strip() or (len(content) <= 60 and _PLACEHOLDER.fullmatch(content) is not None)


def _joined(between: str) -> bool:
    return len(between) <= 80 and bool(_JOINT.fullmatch(between) or _ADJACENT.fullmatch(between))


def _content(text: str, start: int, limit: int, unclosed: bool) -> tuple[str | None, int]:
    while start < limit and text[start] in " \t\n":
        start += 1
    if start >= limit:
        return "", start
    if text[start] != "{":
        match = _BARE.match(text, start)
        return (match[0], match.end()) if match else ("", start)
    depth = 0
    for brace in _BRACE.finditer(text, start, min(limit, start + MAX_BOX)):
        if len(brace[0]) == 2:
            continue  # escaped
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return text[start + 1 : brace.start()], brace.end()
    return (text[start + 1 : start + UNCLOSED].split("\n")[0], limit) if unclosed else (None, start)
