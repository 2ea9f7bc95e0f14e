"""LaTeX whose backslashes JSON took for escapes: put back where it is certain, else the row is set aside.

In:  "The half is $\\x0crac{1}{2}$"        JSON read "\\frac" as a form feed and "rac"
Out: "The half is $\\\\frac{1}{2}$"

Certain: a form feed, backspace, bell or vertical tab before the rest of a command, none of which stand in texts; a tab,
a line end or a carriage return before a rest that is no word ("imes", "heta", "abla", "ight"). In doubt: a tab before
"an" may be `\\tan` or a word behind a tab. Such places are left alone, unless the same text shows elsewhere that its
backslashes were lost: then nobody can say what it meant.
"""

import re

from tasks.rows.reader.bad_row import BadRow

_LETTER = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r"}
_NEVER = {  # control characters that stand in no text, and what may follow them in a command
    "\f": "rac|orall|lat|rown|box|lushleft|ootnote|ill|rak",
    "\b": "oxed|oldsymbol|old|eta|egin|ar|inom|igl|igr|igg|ig|igcup|igcap|mod|ot|ullet|ecause|ackslash|reve|ox",
    "\a": "lpha|ngle|pprox|rccos|rcsin|rctan|rg|st|symp|leph|malg|nd|cute|rray",
    "\v": "ec|ert|ee|arepsilon|arphi|artheta|arrho|ardots|dots|phantom|space|dash",
}
_CERTAIN = {
    "\t": "ext|extbf|extit|extrm|extstyle|imes|heta|frac|riangle|riangleq|ilde|binom|herefore|anh|hickapprox",
    "\n": "abla|eq|otin|leq|geq|exists(?=\\s*[!\\\\a-zA-Z]\\b)",
    "\r": "ight|ightarrow|ightleftharpoons|floor|ceil|brace|brack|vert",
}
_DOUBTFUL = {"\t": "an|o|au|op|t", "\n": "u|e|ot|eg|i|atural|earrow", "\r": "ho|angle|m|oot|ule|e"}
_END = "(?![A-Za-z])"


def _any(rests: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(f"{re.escape(control)}(?=(?:{rest}){_END})" for control, rest in rests.items()))


_LOST = _any(_NEVER | _CERTAIN)
_PERHAPS = _any(_DOUBTFUL)
_LEFT_OVER = re.compile(r"[\a\b]|[\v\f](?=[a-z])")
_CONTROL = re.compile(r"[\0\a\b\v\f\t\n\r]")
_OTHERS = "\0\a\b\v\f\t\r"
_LOST_BY_LINE_END = _any({"\n": _CERTAIN["\n"]})


def repaired(text: str, field: str, under_escaped: bool = False) -> str:
    """`text` with its lost backslashes put back and zero bytes left out.

    Args:
        text: a question, solution or answer.
        field: whose name an error gives.
        under_escaped: its JSON showed elsewhere that backslashes were not escaped.

    Raises:
        BadRow: a place is in doubt.
    """
    # Most texts hold line ends alone, and lost nothing: looked at first, for that is ten times faster.
    if not under_escaped and not any(map(text.__contains__, _OTHERS)) and not _LOST_BY_LINE_END.search(text):
        return text
    if not _CONTROL.search(text):
        return text
    mended = _LOST.sub(lambda found: "\\" + _LETTER[found[0]], text.replace("\0", ""))
    doubt = _LEFT_OVER.search(mended) or ((under_escaped or _LOST.search(text)) and _PERHAPS.search(mended))
    if doubt:
        letter = _LETTER[doubt[0][0]]
        near = mended[max(0, doubt.start() - 15) : doubt.end() + 15]
        raise BadRow(
            field,
            f"holds a control character where LaTeX's \\{letter}… may have stood, near {near!r}: write backslashes in "
            "JSON as \\\\",
        )
    return mended
