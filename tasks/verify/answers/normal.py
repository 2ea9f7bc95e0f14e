"""One spelling for an answer: LaTeX styling, Unicode signs and spacing in one form; its value is not touched.

In:  "$\\dfrac{1}{2}\\,\\text{ cm}^2$"
Out: "\\frac{1}{2}«cm»^2"            («…» stands for \\text{…}: words, which units.py and text.py read)
"""

import re
import unicodedata
from functools import lru_cache

from tasks.verify.answers.calls import in_latex
from tasks.verify.answers.languages import SCRIPTS

WORDS_OPEN, WORDS_CLOSE = "«", "»"
_DOLLAR = "\x02"  # an amount's, "$" in the end; that of mathematics is taken away

_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|[A-J]")

_SIGNS = {
    "−": "-", "–": "-", "—": "-", "﹣": "-", "‐": "-", "‑": "-",
    "×": r"\times ", "✕": r"\times ", "⋅": r"\cdot ", "·": r"\cdot ", "∙": r"\cdot ", "÷": "/", "∶": ":", "：": ":",
    "≤": r"\le ", "≦": r"\le ", "⩽": r"\le ", "≥": r"\ge ", "≧": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ",
    "±": r"\pm ", "∓": r"\mp ", "∞": r"\infty ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "∅": r"\emptyset ",
    "∖": r"\setminus ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}",
    "ℂ": r"\mathbb{C}", "π": r"\pi ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ",
    "λ": r"\lambda ", "μ": r"\mu ", "φ": r"\phi ", "ω": r"\omega ", "∠": r"\angle ", "°": r"^\circ ", "º": r"^\circ ",
    "′": "'", "’": "'", "‘": "'", "″": "''", "“": '"', "”": '"', "…": r"\ldots ", "⋯": r"\ldots ", "⟨": "(", "⟩": ")",
    "（": "(", "）": ")", "［": "[", "］": "]", "，": ",", "、": ",", "；": ";", "。": ".", "％": "%", "＝": "=",
    "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
    "⅕": r"\frac{1}{5}", "⅖": r"\frac{2}{5}", "⅗": r"\frac{3}{5}", "⅘": r"\frac{4}{5}", "⅙": r"\frac{1}{6}",
    "⅚": r"\frac{5}{6}", "⅛": r"\frac{1}{8}", "⅜": r"\frac{3}{8}", "⅝": r"\frac{5}{8}", "⅞": r"\frac{7}{8}",
    "⁄": "/", "¢": r"\text{ cents}", "\u200b": "", "\u2061": "", "\u2062": "", "\ufeff": "", "\x00": "",
}  # fmt: skip
_SIGNS |= {sign: f",{number}" for number, sign in enumerate("①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳", start=1)}
_SIGN = re.compile("|".join(map(re.escape, _SIGNS)))
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_RADICAL = re.compile(r"√\s*(?:([0-9.]+|[A-Za-z])|(?=[({]))")

# Words of other scripts behind a number, as a unit; one letter only of those that write without spaces ("5а" is none).
_FOREIGN_WORDS = re.compile(
    r"(?<=[0-9)}%])(?: ?([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+)"
    rf"| ([{SCRIPTS}]{{2,}}(?: [{SCRIPTS}]{{2,}}){{0,2}}))"
    r"[.。।]?\s*\$?$"
)
_NO_UNIT = re.compile(r"[或和与及不非无没错半多余]|^(?:или|не|нет|नहीं|या|और|أو|ليس|לא|או)(?:\s|$)")
_SCALE = re.compile(r"[万亿]|[百千](?![克米瓦卡赫分])")

_STYLE = (
    r"left|right|bigl?|bigr|Bigl?|Bigr|biggl?|biggr|Biggl?|Biggr|middle|displaystyle|textstyle|scriptstyle|limits|"
    r"nolimits|boldsymbol|bf|rm|it|normalsize|large|Large|small|mathop|mathord|mathstrut|strut|ensuremath|bm"
)
_DROP = re.compile(
    rf"\\(?:{_STYLE})(?![A-Za-z])|\\(?:vspace|hspace|label|phantom|color)\*?\{{[^{{}}]*\}}|\\!\s*|\\/|\\[-]"
)
_SPACE = re.compile(r"\\(?:[,;:> ]|quad(?![A-Za-z])|qquad(?![A-Za-z])|enspace(?![A-Za-z])|thinspace(?![A-Za-z]))|~|\s+")
_TEXT = re.compile(r"\\(?:text(?:bf|it|rm|normal|sf|tt|sc|up)?|mbox|hbox|textnormal|emph|underline)\s*\{([^{}]*)\}")
_FONT = re.compile(
    r"\\(?:mathrm|mathbf|mathit|mathsf|mathtt|mathnormal|operatorname\*?|pmb|overrightarrow|vec|hat|bold)\s*"
    r"\{([^{}]*)\}"
)
_ALIASES = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "leq": "le", "geq": "ge", "leqslant": "le", "geqslant": "ge",
    "leqq": "le", "geqq": "ge", "neq": "ne", "lt": "<", "gt": ">", "dots": "ldots", "cdots": "ldots", "dotsc": "ldots",
    "dotsb": "ldots", "varnothing": "emptyset", "infin": "infty", "lbrace": "\\{", "rbrace": "\\}", "lbrack": "[",
    "rbrack": "]", "langle": "(", "rangle": ")", "lparen": "(", "rparen": ")", "lvert": "|", "rvert": "|", "vert": "|",
    "ast": "\\cdot", "times": "\\cdot", "div": "/", "backslash": "\\setminus", "degree": "^\\circ", "dbinom": "binom",
    "tbinom": "binom", "colon": ":", "bigcup": "cup", "R": "\\mathbb{R}", "wedge": "^", "textdegree": "^\\circ",
    "percent": "%", "textpercent": "%", "dollar": _DOLLAR, "textdollar": _DOLLAR, "thickapprox": "approx",
    "land": "«and»", "lor": "«or»", "implies": ";", "iff": ";", "euro": "€", "pounds": "£", "mod": "«mod»",
    "imath": "i",
}  # fmt: skip
_ALIAS = re.compile(r"\\(" + "|".join(sorted(_ALIASES, key=len, reverse=True)) + r")(?![A-Za-z])")
_ARGUMENT = r"(?:([0-9A-Za-z]|\\(?:pi|theta|alpha|beta|phi|omega)(?![A-Za-z]))|(\{(?:[^{}]|\{[^{}]*\})*\}))"
_BARE_FRAC = re.compile(rf"\\(frac|binom)\s*{_ARGUMENT}\s*{_ARGUMENT}")
_BARE_SQRT = re.compile(r"\\sqrt\s*([0-9A-Za-z])")
_PLAIN_SQRT = re.compile(r"(?<![\\A-Za-z])sqrt\s*(?:([0-9]+)|(?=\{))")
_CIRC = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![A-Za-z]))")
_TIGHT = re.compile(r"\s*([-+*/^_=<>(){}\[\],;:|&%«»¶])\s*")
_LIST_COMMA = re.compile(r",\s+(?=[0-9]{3}(?![0-9]))")  # "32, 349" is a list, "32,349" a number
_PERCENT_WORD = re.compile(
    r"«?(?<![A-Za-z])(?:percent(?:age)?|per cent|pct)(?:\s+points?)?(?![A-Za-z])»?", re.IGNORECASE
)
_NOON = re.compile(r"(?<![A-Za-z])([apAP])\.\s?[mM]\b\.?")
_ORDINAL = re.compile(r"(?<=[0-9])\s*\^?\s*\{?«?(?:st|nd|rd|th)(?:»|(?= [a-z]+(?:»|$))|$)\}?")
_STRAY = re.compile(r"(?<!\\)\\(?=[0-9])")  # "\15", as a substitution of "\$15" leaves it
_DOUBLED = re.compile(r"(?<!\\)\\\\begin\{")
_CYCLE = re.compile(  # 0.1666... and "0.1666 repeating": what stands there three times (a longer cycle twice) goes on
    r"(?<![0-9.])([0-9]{0,20}\.[0-9]{0,20}?)(?:([0-9])\2{2,}|([0-9]{2,6}?)\3+)(?:\.{2,}|\\ldots ?|«? ?repeating»?)"
)
_TO = re.compile(r"(?<=[0-9])\s*«?\s*to\s*»?\s*(?=[0-9])")  # "1 to 2" is the ratio 1:2
_FRACTION_TIMES = re.compile(  # "1/2 x", "3/5i", "4/3\pi": the fraction times what follows, as precedence has it
    r"(?<![\w.}^])([0-9]+)\s?/\s?([0-9]+)"
    r"(?:\s(?=(?![mghLs]$)[A-Za-z](?![A-Za-z])|\(|\\(?!text)|(?:sin|cos|tan|log|ln)\b)|(?=i(?![A-Za-z])|\\(?:pi|sqrt|theta|alpha|ln|log|sin|cos|tan)(?![A-Za-z])))"
)
_ASIDE = re.compile(r"(?<=[0-9}%]) ?\((?!(?:in )?base|mod)([A-Za-z][A-Za-z ]{2,30})\)$")  # "18 (eggs)"
_NATURAL = re.compile(r"(?<![\\A-Za-z])(infinity|pi)(?![A-Za-z])", re.IGNORECASE)


# A dollar that is money: escaped, or the only one; else they stand in pairs around mathematics.
_ESCAPED_DOLLAR = re.compile(r"\\+\$")
_ONE_DOLLAR = re.compile(r"\$(?=\s*-?[0-9.])|(?<=[0-9])\s?\$$")
_AMOUNT = re.compile(rf"(.?)(\s*){_DOLLAR}(?=(\s*-?\s*[0-9.])?)", re.DOTALL)


_BETWEEN_DIGITS = re.compile(r"(?<=[0-9]) (?=[0-9])")  # "3 1/2" is not 31/2
ROW = "¶"  # between the rows of a matrix


@lru_cache(maxsize=16384)
def normalise(answer: str) -> str:
    """The answer in one spelling. Never raises; linear in the length of the answer."""
    text = answer.strip()
    if _PLAIN.fullmatch(text):
        return text
    if "\\$" in text:
        text = _ESCAPED_DOLLAR.sub(_DOLLAR, text)
    elif text.count("$") == 1:
        text = _ONE_DOLLAR.sub(_DOLLAR, text)
    if not text.isascii():
        text = _unicode(text)
    if "\\" in text or "$" in text or "{" in text:
        text = _latex(text)
    if _DOLLAR in text:
        text = _AMOUNT.sub(_amount, text.replace("$", ""))
    text = (
        _SPACE.sub(" ", text)
        .replace("$", "")
        .replace(_DOLLAR, "$")
        .replace("**", "^" if re.search(r"[0-9A-Za-z)]\*\*[0-9A-Za-z({-]", text) else "")
    )
    if ".." in text or "ldots" in text or "repeating" in text:
        text = _CYCLE.sub(lambda m: rf"{m[1]}\overline{{{m[2] or m[3]}}}", text)
    text = _TO.sub(":", text.replace("+/-", r"\pm "))
    text = _PLAIN_SQRT.sub(_sqrt, text)
    if "(" in text:
        text = in_latex(text)
    text = _NATURAL.sub(lambda m: r"\infty " if len(m[0]) > 2 else r"\pi ", text)
    if "/" in text:
        text = _FRACTION_TIMES.sub(r"\\frac{\1}{\2} ", text)
    text = _NOON.sub(r"\1m", text)
    text = _ORDINAL.sub("", _PERCENT_WORD.sub("%", text))
    text = _LIST_COMMA.sub(",\x01", text)
    text = _TIGHT.sub(r"\1", text).replace("\x01", " ").strip()
    if text[-1:] == ")":
        text = _ASIDE.sub(r"«\1»", text)
    text = text.rstrip(" .,;:\\").lstrip(" ,;:")
    return text if re.match(r"\.[0-9]", text) else text.lstrip(" .")


def _unicode(text: str) -> str:
    text = text.replace(WORDS_OPEN, '"').replace(WORDS_CLOSE, '"').replace(ROW, " ")  # our own marks, in no answer
    text = _FOREIGN_WORDS.sub(_foreign_words, text)
    text = _SIGN.sub(lambda m: _SIGNS[m[0]], text)
    text = re.sub(r"(?<=[0-9 ])([ckm]?m)([²³])", lambda m: f"«{m[1]}»^{2 if m[2] == '²' else 3}", text)
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+", lambda m: "^{" + m[0].translate(_SUPERSCRIPT) + "}", text)
    text = re.sub(r"[₀₁₂₃₄₅₆₇₈₉]+", lambda m: "_{" + m[0].translate(_SUBSCRIPT) + "}", text)
    text = _RADICAL.sub(_sqrt, text)
    return _SIGN.sub(lambda m: _SIGNS[m[0]], unicodedata.normalize("NFKC", text))


def _sqrt(match: re.Match[str]) -> str:
    if match[1]:
        return rf"\sqrt{{{match[1]}}}"
    return "sqrt" if match.string[match.end()] == "(" else r"\sqrt"  # of a bracket: calls.py


def _foreign_words(match: re.Match[str]) -> str:
    """ "12万元" as 12«万 元»: what scales the number stands by itself."""
    words = match[1] or match[2]
    if _NO_UNIT.search(words):
        return match[0]
    scale = _SCALE.match(words)
    return f"{WORDS_OPEN}{scale[0]} {words[1:]}{WORDS_CLOSE}" if scale else f"{WORDS_OPEN}{words}{WORDS_CLOSE}"


def _latex(text: str) -> str:
    if _DOUBLED.search(text):
        text = text.replace("\\\\", "\\")  # every escape was doubled on its way through JSON
    text = _STRAY.sub("", text)
    if "\\begin" in text:
        text = re.sub(r"\\\\(?:\[[^\]]*\])?|\\cr(?![A-Za-z])", ROW, text)
    text = re.sub(r"\\+([\[\]()])", lambda m: " " if len(m[0]) == 2 else m[0], text)  # \( \) \[ \] delimit mathematics
    text = re.sub(r"\\\\(?=[A-Za-z])", r"\\", text)  # an escape doubled on its way through JSON
    text = re.sub(r"\{\s*,\s*\}|\\text\{\s*[,:;]\s*\}", _punctuation, text)
    text = text.replace(r"\%", "%").replace(r"\#", "#").replace(r"\&", "«and»")
    text = _DROP.sub(lambda m: "" if m[0].startswith(r"\!") else " ", text)
    for _ in range(4):  # styles nest: \textbf{\text{(A)}}
        before = text
        text = _FONT.sub(_font, text)
        text = _TEXT.sub(lambda m: _words(m[1]), text)
        if text == before:
            break
    text = _ALIAS.sub(_alias, text)
    text = _BARE_SQRT.sub(r"\\sqrt{\1}", text)
    for _ in range(3):
        before = text
        text = _BARE_FRAC.sub(_frac, text)
        if text == before:
            break
    return _CIRC.sub(r"^\\circ ", text)


def _amount(match: re.Match[str]) -> str:
    """The dollar of an amount by itself stays; that of a term within a computation goes."""
    before, space, number = match.groups()
    kept = number and before in "=,;([{<>»-"
    at_end = before.isdigit() and match.end() == len(match.string)
    return f"{before}{space}{_DOLLAR if kept or at_end else ''}"


def _punctuation(match: re.Match[str]) -> str:
    return next((sign for sign in ",:;" if sign in match[0]), "")


def _alias(match: re.Match[str]) -> str:
    alias = _ALIASES[match[1]]
    return f"\\{alias} " if alias.isalpha() and len(alias) > 1 else f"{alias} "


def _frac(match: re.Match[str]) -> str:
    top, bottom = (f"{{{match[i]}}}" if match[i] else match[i + 1] for i in (2, 4))
    return rf"\{match[1]}{top}{bottom}"


def _words(inside: str) -> str:
    """\\text{…}: words, unless it holds a number or one letter only."""
    inside = inside.strip(" ~")
    if not inside:
        return " "
    if inside == _DOLLAR:
        return inside
    if re.fullmatch(r"\(?[A-Z]\)?|[-+0-9.,/$%()_^ ]+(?: [A-Za-z ]+)?", inside):
        return f" {inside} "
    return f"{WORDS_OPEN}{inside}{WORDS_CLOSE}"


def _font(match: re.Match[str]) -> str:
    """\\mathrm{…}: a unit or a name where it holds several letters or follows a value, else the letter itself."""
    inside = match[1].strip(" ~")
    after_value = match.start() > 0 and (match.string[match.start() - 1] in "0123456789}) ~" or match[1][:1] == "~")
    if re.fullmatch(r"[A-Za-z][A-Za-z/ .^0-9{}-]+", inside) or (
        after_value and re.fullmatch(r"[msghJNWVKACFL]", inside)
    ):
        return f"{WORDS_OPEN}{inside}{WORDS_CLOSE}"
    return inside


@lru_cache(maxsize=8192)
def squeeze(text: str) -> str:
    """Without spaces, redundant braces and outer braces: two answers of one squeezed form are identical."""
    text = _BETWEEN_DIGITS.sub("_", text).replace(" ", "")
    text = re.sub(r"([\^_])\{([0-9A-Za-z])\}", r"\1\2", text)
    while len(text) > 2 and text[0] == "{" and text[-1] == "}" and "}{" not in text:
        text = text[1:-1]
    return text
