"""One answer as the report judges its form, beside whether it is right.

In:  {"id": "mmlu/anatomy/3", "correct": false, "verdict": "no_answer", "extracted": null, "gold": "C",
      "subset": "anatomy", "finished": false, "tokens": 96, "text": "So we have so we have so we have so we have"}
Out: Answer(right=False, form="loop", letter=None, gold="C", tokens=96, subject="anatomy", script="LATIN", …)

An answer has one form, the first of these that fits: its prompt was too long to be asked; it ends in a loop; it was cut
off; nothing in it could be read as an answer; it is in another script than the base's answer to the same question
(languages that share a script are not told apart); it has no box, though its last sentence says an answer. All others
are well-formed. A right answer may have any form: what is right counts as right everywhere else in the report.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tasks.report.reading.released_check import right_as_released
from tasks.report.schema.answer_data import Form
from tasks.rows.jsonl import Row

_BOX = re.compile(r"\\(?:boxed|fbox)\b")
_MATH = re.compile(r"\\[A-Za-z]+|\$[^$]*\$")  # LaTeX is in Latin letters in every language
_LETTER = re.compile(r"[A-J]")
TAIL = 2_000  # characters at an answer's end in which a loop is looked for
REPEATS, LOOP = 4, 40  # a loop: the same characters at least so often at the end, and at least so many in all
SCRIPT = 400  # characters of an answer by which its script is known


@dataclass(frozen=True, slots=True)
class Answer:
    """What the report keeps of an answer; `letter` is the option it chose, `gold` the right one, None if no options."""

    right: bool
    form: Form
    tokens: int
    subject: str
    letter: str | None
    gold: str | None
    script: str
    right_as_released: bool = False  # by the authors' check


def answers(rows: Iterable[Row]) -> dict[str, Answer]:
    """By row id, of answers.jsonl; none without texts."""
    return {row["id"]: answer(row) for row in rows if "text" in row}


def answer(row: Row) -> Answer:
    """One stored answer; its script is compared with the base's afterwards (`beside`)."""
    return Answer(
        right=bool(row["correct"]),
        form=_form(row),
        tokens=int(row["tokens"]),
        subject=str(row.get("subset") or ""),
        letter=_option(row.get("extracted")),
        gold=_option(row.get("gold")),
        script=script(row["text"]),
        right_as_released=right_as_released(row["text"], row.get("gold")),
    )


def beside(found: Mapping[str, Answer], base: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers, with those marked that are in another script than the base's to the same question."""
    marked = {}
    for key, one in found.items():
        other = base[key].script if key in base else ""
        differs = one.script and other and one.script != other
        marked[key] = replace(one, form="another script") if differs and one.form in ("no box", "well-formed") else one
    return marked


def _form(row: Row) -> Form:
    if not row["finished"] and row["tokens"] == 0:
        return "prompt too long"
    if loops(row["text"]):
        return "loop"
    if not row["finished"]:
        return "cut off"
    if row["verdict"] == "no_answer":
        return "no answer"
    return "well-formed" if _BOX.search(row["text"]) else "no box"


def loops(text: str) -> bool:
    """Whether the text ends with the same stretch of characters, a space or mark among them, again and again."""
    tail = text[-TAIL:].rstrip()
    for length in range(1, len(tail) // REPEATS + 1):
        if tail[-1] != tail[-1 - length]:
            continue
        repeats = max(REPEATS, -(-LOOP // length))
        unit = tail[-length:]
        if len(tail) >= repeats * length and tail.endswith(unit * repeats):
            return any(not one.isdigit() and one not in "=-_*." for one in unit)  # not 0.333… nor a ruled line
    return False


def script(text: str) -> str:
    """The script most letters of the text are in ("LATIN", "CJK", "CYRILLIC"); "" where there are too few letters."""
    letters = [one for one in _MATH.sub(" ", text[: 2 * SCRIPT])[:SCRIPT] if one.isalpha()]
    if len(letters) < 4:
        return ""
    counted = Counter("LATIN" if one.isascii() else unicodedata.name(one, "?").split()[0] for one in letters)
    return counted.most_common(1)[0][0]


def _option(said: str | None) -> str | None:
    return said if said is not None and _LETTER.fullmatch(said) else None
