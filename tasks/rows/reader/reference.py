"""A reference answer, or that there is none: what data sets write where they have no answer is not an answer.

In:  "7"      7.0      ["7"]      "n/a"      NaN      "proof"      ["3", "5"]
Out: "7"      "7.0"    "7"        None       None     None         None

"None" is Python's; `none`, `undefined`, `no solution` may be the answer of a question and stay.
"""

from typing import Any

_NOTHING = {
    *("n/a", "n.a.", "n.a", "na.", "nan", "null", "notfound", "not found", "not_found", "no answer", "no_answer"),
    *("unknown", "proof", "proof.", "see solution", "see proof", "tbd", "todo", "-", "--", "—", "?", "??", "???"),
    *("[]", "{}", "", "[invalid]", "<na>"),
}
_NOTHING_AS_WRITTEN = {"NA", "None"}  # Na is sodium


def reference(value: Any) -> str | None:
    """The text of a reference answer; None where the field says that there is none, or holds several."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value != value:
        return None
    text = str(value)
    said = text.strip()
    return None if said in _NOTHING_AS_WRITTEN or said.casefold() in _NOTHING else text
