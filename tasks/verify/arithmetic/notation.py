"""The notation of arithmetic in running text, cut into tokens.

In:  "He works 3 days x 8 hours/day = $\\frac{48}{2}$"
Out: kinds  w  n w * n w / w = f ( n ) ( n ) |
     values He works, 3, days, x, 8, hours, /, day, =, \\frac, {, 48, }, {, 2, }

Plain text, LaTeX, Markdown and calculator notation share one set of tokens. Linear in the text: brackets are matched
once, and a bracket that holds a relation or a break is no bracket.
"""

import re
from dataclasses import dataclass, field

OPERATORS = frozenset("+-*/^")
RELATIONS = frozenset("=~")  # "=" as stated, "~" for any sign of approximation

_TOKEN = re.compile(
    r"""
    (?P<v>[0-9]+:[0-9]{2}\b | [0-9]+\.(?=[a-z\\]) | \.\.\.+ | _\{[^{}]*\} | _\w?   # clock times, 0.\overline{3}, dots
      | \\begin\{(?P<e>[a-z]*matrix|array|cases|tabular)\}.*?\\end\{(?P=e)\} | \\?[\#@] )
  | (?P<p>\\?%|percent\b)
  | (?P<n>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)? | [0-9]+(?:\.[0-9]+)? | \.[0-9]+ )
  # A run of words is one token.
  | (?P<w>(?!sqrt\ ?[({])[A-Za-z][A-Za-z'’]*(?:[ -](?![xX]\ ?[0-9($.\\]|sqrt\ ?[({])[A-Za-z][A-Za-z'’]*)*)
  | (?P<d>\^\s*(?:\\circ|\{\s*\\circ\s*\}|\\prime) | °)
  | (?P<s>[ \t&`€£¥]+ | \$(?!\$) | \\[$,;!:>\ ] | ~ | (?<![0-9)])\*\* | \*\*(?![0-9(])
      | \\(?:left|right|displaystyle|boxed|fbox|bigl?|bigr?|Bigl?|Bigr?)(?![a-z])
      | \\(?:phantom|hspace|vspace|label|tag|color)\*?\{[^{}]*\} )
  | (?P<o>(?<=[0-9)])\*\*(?=[0-9(]) | [-+*/^×·⋅∗÷−–⁄] | \\(?:cdot|times|div|ast)(?![a-z]))
  | (?P<r>=+>|<=+|>=|(?<=\s)!=|/=|=+|≈|≃|≅|\\(?:neq?|approx|simeq|doteq)(?![a-z]))
  | (?P<t>\\(?:text|textrm|textbf|textit|mathrm|mathbf|mbox|hbox)\s*\{[^{}]*\})
  | (?P<f>\\[dtc]?frac(?![a-z]))
  | (?P<q>\\sqrt(?![a-z])|sqrt(?=\ ?[({])|√(?=\ ?[({]))
  | (?P<b>\\[dt]?binom(?![a-z]))
  | (?P<l>\n | \\\\(?:\[[^\]\n]{0,12}\])? )
  | (?P<k>\$\$|[,;:?".—]|\\[\[\]()]|\\(?:begin|end)\{[^{}]*\}|\\(?:q?quad|Rightarrow|implies|to|rightarrow)(?![a-z]))
  | (?P<c>\\[A-Za-z]+)
  | (?P<g>[()\[\]{}!])
  | (?P<x>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATOR = {
    "+": "+", "-": "-", "−": "-", "–": "-", "*": "*", "×": "*", "·": "*", "⋅": "*", "∗": "*", "\\cdot": "*",
    "\\times": "*", "\\ast": "*", "/": "/", "⁄": "/", "÷": "/", "\\div": "/", "^": "^", "**": "^",
}  # fmt: skip
WORD_OPERATOR = {"times": "*", "plus": "+", "minus": "-", "divided by": "/", "multiplied by": "*"}
_SUPERSCRIPTS = str.maketrans({"²": "^2", "³": "^3", "⁴": "^4"})


_BROKEN_DASH = re.compile("â€.")  # an en dash that was decoded as Windows-1252
_BROKEN_NUMBER = re.compile(r"[0-9][ ,]+$")
_LINE_END = re.compile(r"\n|\\\\|\\q?quad")


def is_space(text: str, at: int) -> bool:
    """Whether there is a blank, a line's end or the text's end at this place."""
    return at < 0 or at >= len(text) or text[at] in " \t\n"


@dataclass
class Tokens:
    """Parallel lists.

    `kinds`: one letter a token ("n" number, "w" words, "v" not plain arithmetic, "|" break, "(", "+", "=", …);
    `values`, `starts`, `ends`: its text and its place in `text`; `match[i]`: the partner of an intact "(", else -1.
    """

    text: str
    kinds: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    match: list[int] = field(default_factory=list)


def tokenize(text: str) -> Tokens:
    """The tokens of a text, closed by two breaks. Linear in its length."""
    if "{,}" in text:
        text = text.replace("{,}", ",")
    if ",\\!" in text:
        text = text.replace(",\\!", ",")
    if not text.isascii():
        if "â€" in text:
            text = _BROKEN_DASH.sub("–", text)
        if "Ã" in text:
            text = text.replace("Ã—", "×").replace("Ã·", "÷")
        text = text.translate(_SUPERSCRIPTS)
    tokens = Tokens(text)
    kinds, values, starts, ends = tokens.kinds, tokens.values, tokens.starts, tokens.ends
    last = "|"
    for found in _TOKEN.finditer(text):
        group = found.lastgroup
        if group == "s":
            continue
        start = found.start()
        value = found.group()
        if group == "n":
            kind = "n"
            if last in "fb" and len(value) == 2 and value.isdigit():  # \\frac12
                kinds.append("n")
                values.append(value[0])
                starts.append(start)
                ends.append(start + 1)
                start, value = start + 1, value[1]
            elif value[0] == "0" and value[1:2].isdigit() and _is_odd(text, start, value):
                kind = "v"
        elif group == "v":
            kind = "v"
        elif group == "w":
            kind = "w"
            if value in "xX" and last in "n)wv" and _is_times(text, start):
                kind = "*"
            elif value in WORD_OPERATOR:
                kind = WORD_OPERATOR[value]
        elif group == "o":
            kind = _OPERATOR[value]
            if last == "|" and kind != "^":
                _join_lines(tokens, kind, start)
                last = kinds[-1] if kinds else "|"
            if last == "|" and kind in "-*" and _is_bullet(text, start):
                kind = "|"
        elif group == "r":
            kind = _relation(value)
            if kind in RELATIONS and last == "|":
                _join_lines(tokens, kind, start)
        elif group == "g":
            kind = "(" if value in "([{" else "!" if value == "!" else ")"
        elif group == "l":
            if (last in OPERATORS and values[-1] not in WORD_OPERATOR) or last in RELATIONS:
                continue  # the expression goes on in the next line
            if last == "v" and values[-1][0] in "\\_":
                continue  # a function whose argument stands in the next line
            kind = "|"
        elif group == "t":
            value = value[value.index("{") + 1 : -1].strip(" ~")
            if not value:
                continue
            kind = "w" if value.replace(" ", "").isalpha() else "|"
        elif group == "p":
            kind = "%"
        elif group == "k":
            kind = "v" if value == ":" and last in "n)" and _is_ratio(text, start) else "|"
        elif group == "c":
            kind = "v"
        elif group == "x":
            kind = "v" if value.isalnum() or value in "<>±√∓∑∏∫∞∠△'\\_|" else "|"
        else:
            kind = str(group)  # d f q b
        if kind == "|" and last in OPERATORS and values[-1] in WORD_OPERATOR:
            kinds[-1] = "w"  # `6 times.`
        kinds.append(kind)
        values.append(value)
        starts.append(start)
        ends.append(found.end())
        last = kind
    for _ in range(2):
        kinds.append("|")
        values.append("")
        starts.append(len(text))
        ends.append(len(text))
    tokens.match = _match(kinds)
    return tokens


def _join_lines(tokens: Tokens, kind: str, start: int) -> None:
    """A line that opens with a relation or an operator goes on with the line before; a dash may be a bullet."""
    kinds, values = tokens.kinds, tokens.values
    keep = len(kinds)
    latex = False
    while keep and kinds[keep - 1] == "|" and _LINE_END.match(values[keep - 1]):
        latex |= values[keep - 1][:2] == "\\\\"
        keep -= 1
    if keep and kind == "-":
        latex &= "&" in tokens.text[tokens.starts[-1] : start]
    if keep and (latex or kind in "+=~"):
        for column in (kinds, values, tokens.starts, tokens.ends):
            del column[keep:]


def _is_ratio(text: str, at: int) -> bool:
    return text[at + 1 : at + 2].isdigit() or text[at + 1 : at + 2] in ("(", "\\")


def _is_odd(text: str, start: int, value: str) -> bool:
    """Leading zeros: half of a number that is broken in two (20 ,000), or a time of day (0930)."""
    return (len(value) == 4 and value.isdigit()) or _BROKEN_NUMBER.search(text, max(0, start - 3), start) is not None


def _relation(value: str) -> str:
    if value.strip("=") == "":
        return "="
    return "~" if value in "≈≃≅" or value[:2] in ("\\a", "\\s", "\\d") else "|"


def _is_times(text: str, at: int) -> bool:
    """Whether the x at `at` means "times": an operand follows, and the spacing is the same on both sides."""
    before, after = is_space(text, at - 1), is_space(text, at + 1)
    follows = text[at + 1 : at + 4].lstrip(" ")[:1]
    return before == after and follows != "" and follows in "0123456789($.\\"


def _is_bullet(text: str, at: int) -> bool:
    """A dash or star that opens a line and is followed by a space is a list's bullet, not a sign."""
    return is_space(text, at + 1) and (at == 0 or text[:at].rstrip(" \t")[-1:] in ("", "\n"))


def _match(kinds: list[str]) -> list[int]:
    match = [-1] * len(kinds)
    opened: list[int] = []
    for at, kind in enumerate(kinds):
        if kind == "(":
            opened.append(at)
        elif kind == ")":
            if opened:
                match[opened.pop()] = at
        elif kind == "|" or kind in RELATIONS:
            opened.clear()
    return match
