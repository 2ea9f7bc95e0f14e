"""The answer that a text states at its end, in words: "the answer is …", "Answer: C", or the value of a last sentence.

In:  "Therefore, Natalia sold 48+24 = 72 clips altogether."
Out: closing_value -> "72 clips altogether"
"""

import re

from tasks.verify.answers.clauses import behind_statement, behind_value
from tasks.verify.answers.languages import ELSEWHERE, FOREIGN, is_sentence

_IN_TEXT = re.compile(r"\\text\{([^{}]*)\}")
STATEMENT = re.compile(
    r"(?:final\s+answer|correct\s+answer|correct\s+(?:option|choice)|(?<![A-Za-z])(?:the|our|your|my|an)\s+answer|"
    r"(?<![A-Za-z])answer(?!s?\s+choices)|(?<![A-Za-z])ans(?![A-Za-z])|"
    r"(?:the\s+)?(?:correct|right|best)\s+(?:option|choice)|the\s+solution|option\s+chosen)"
    r"(?:\s+(?:to\s+(?:the|this)\s+(?:question|problem)|choice|option|here|letter|for\s+this\s+\w+|therefore|thus|"
    r"in\s+[\w ]{1,30}))?[\s*_]*+"
    r"(?:(?:is|was|are|equals|=|would\s+be|must\s+be|should\s+be|will\s+be)"
    r"(?:\s+(?:therefore|thus|then|simply|just|also|option|choice))?\s*:?|:|：|-(?=\s))[\s*]*+",
    re.IGNORECASE,
)
_TEXT_IS = re.compile(r"\\text\{[^{}]{3,80}\b(?:is|are|equals):?\s*\}\s*([^{}].*)$", re.DOTALL)
_BEFORE_MATH = re.compile(r"(?<![A-Za-z])answer\s*(?=\$|\\\(|\\\[)", re.IGNORECASE)
# Behind a box only what begins like a value is a later word: "the final answer is verified by …" says nothing new.
LATER = re.compile(
    r"(?:(?:the\s+)?final\s+answer\s+(?:is|:)\s*:?\s*|final\s+answer[\s*]*+:\s*(?:the\s+final\s+answer\s+is\s*)?|"
    r"(?<![A-Za-z])the\s+answer\s+is\s*:\s*)"
    r"(?=[\s*]*+(?:[-+$€£¥₹\\(\[{.]|[0-9]|(?-i:[A-J])(?![A-Za-z])|[A-Za-z]\s*=))",
    re.IGNORECASE,
)
_LETTER = re.compile(
    r"(?i:answer|ans|option|choice)\.?\s*(?:(?i:is|option|choice)|[:=-])*\s*"
    r"\(?([A-J])\)?(?=[.,)]?\s*(?:$|\n|\)|(?i:is\b)|[0-9$]))"
    r"|(?:it's|it is|choose|pick|select)\s+(?i:option\s+|choice\s+)?\(?([A-J])\)?\s*[.!]?\s*$"
    r"|(?<![A-Za-z])\(?([A-J])\)?\**\s+is\s+(?:the\s+)?(?:correct|right|best|answer)|(?:^|\n)\s*\**\(?([A-J])\)?\**\.?\s*$"
)
_LETTER_WORDS = ("ans", "option", "choice", "it's", "it is", "choose", "pick", "select", "correct", "right", "best")
_LAST_LETTER = re.compile(r"(?:^|\n)\s*\**\(?[A-J]\)?\**\.?\s*$")
MATH = re.compile(
    r"\$\$(.+?)\$\$|"
    r"(?<![\\0-9])\$(?!\s*[0-9,.]+[^$\n]{0,3}(?:\s[a-z]{2,}|$))(.+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]",
    re.DOTALL,
)
# The sign first, then what is before it: a search that begins with a set of signs skips the rest ten times faster.
_SENTENCE_END = re.compile(
    r"[.!?\n。！？।؟](?:(?<=[\n。！？।؟])|(?<![A-Z].)(?<!\bRs.)(?<!\bvs.)(?<!\bapprox.)(?=\s+(?:[A-Z\\$\[<*]|$)|\s*$))"
)
_NUMBER = re.compile(
    r"(?:[$€£¥₹]\s*)?-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?:\s*/\s*[0-9]+)?"
    r"(?:\s*%|\s*percent|\s*[€£¥₹])?|-?\.[0-9]+"
)
_IS = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|get|gives|by|has|have|find|that|in|of|to|at|costs?|pays?)\b|=|≈|:)\s*",
    re.IGNORECASE,
)
_TELLS = re.compile(r"(?:[A-Z][A-Za-z']+|I)(?: [A-Za-z']+)+ [$€£]?[0-9]")  # "Claire eats 45 eggs"
_LABEL = re.compile(  # of a step or a list's item: "Step 5: …", "12. …"
    r"^[\s*#>-]*(?:(?:step|case|part|problem|question|example|method)\s*[0-9]+\s*[:.)]|\(?[0-9]{1,2}[.)](?=\s))[\s*]*",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\b(?:not an?|not the|isn't|cannot be|does not|doesn't|do not|don't|n'est pas|nicht|kein|no es)\b|"
    r"不是|不能|नहीं|ليس",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|so|conclusions?|conclude|summary|in total|altogether|finally|final|answer|donc|ainsi|"
    r"also|somit|daher|lo tanto|entonces|quindi|итого|значит)\b|因此|所以|一共|总共|इसलिए|कुल|إذن|لذلك",
    re.IGNORECASE,
)
_ATTACHED = re.compile(r"[A-Za-z0-9#]")  # "horse #12" is a name
_ADVERB = re.compile(r"^(?:therefore|thus|then|now|also|only|exactly|just|still),?\s+", re.IGNORECASE)
_NAME = re.compile(r"\\?[A-Za-z]+(?:_\{?\w+\}?)?'?(?:\([A-Za-z]\))?")
_TOTAL = re.compile(r"\b(?:total of|altogether)\b|[=$€£]|^\s*[0-9]", re.IGNORECASE)
_COUNT = re.compile(  # "Three trucks are needed for 80 stones"
    r"\s*(Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten|Eleven|Twelve|Thirteen|Fifteen|Twenty) [a-z]+ (?!of\b)[a-z]+"
)
_TIME_SPENT = re.compile(
    r"\s+(?:in|over|after|within|during|for)\s+(?:the\s+|a\s+|all\s+)?(?:first\s+|next\s+|last\s+)?[0-9]+\s+"
    r"(?:second|minute|hour|day|night|week|month|year)s?\s*$",
    re.IGNORECASE,
)
_PROVED = re.compile(r"[\s$\\(\[]*(?:\\(?:blacksquare|square|qed|Box)(?![A-Za-z])|∎|■|Q\.E\.D)[\s.$\\()\[\]]*$")
CLOSING = 1500  # characters from the end in which the last sentences stand
_LOOK_BACK = 6  # sentences before the last in which a conclusion is looked for


def stated_answer(tail: str) -> str | None:
    """The answer of a statement that says so ("the answer is …", "答案是", "option C is correct"), or None."""
    lower = tail.lower()
    said = None
    if any(word in lower for word in ("choice", "option", "solution", "ans")):  # cheap, before an expensive pattern
        said = stated(tail, STATEMENT) or stated(tail, _BEFORE_MATH)
    if (not said and not tail.isascii()) or re.search("risposta|respuesta|resposta|antwort|rgebnis", lower):
        said = said or stated(tail, ELSEWHERE)
    if said:
        return said
    letter = None
    if any(word in lower for word in _LETTER_WORDS) or _LAST_LETTER.search(tail, max(0, len(tail) - 15)):
        for letter in _LETTER.finditer(tail):  # noqa: B007
            pass
    return next(group for group in letter.groups() if group) if letter else None


def stated(text: str, pattern: re.Pattern[str]) -> str | None:
    """What follows the last statement of the answer, up to the end of its sentence."""
    for match in reversed(list(pattern.finditer(text))):
        said = _first_sentence(text[match.end() : match.end() + 1000].lstrip(" \n*"))
        if said and not said.startswith("not "):
            return _narrow(behind_statement(said))
    return None


def said_in_box(box: str) -> str | None:
    """The answer of a box that holds a statement, or None."""
    if label := _TEXT_IS.match(box):
        return label[1]
    if not re.search(r"answer|choice|option", box):
        return None
    return stated(_IN_TEXT.sub(r" \1 ", box), STATEMENT)


def inside(match: re.Match[str]) -> str:
    """What a match of MATH holds between its delimiters."""
    return next(group for group in match.groups() if group is not None).strip()


def closing_value(text: str) -> str | None:
    """The value that the last sentence ends on; where it has none, that of the last sentence which concludes."""
    text = text.rstrip()
    if proved := _PROVED.search(text, max(0, len(text) - 40)):
        text = text[: proved.start()].rstrip()
    sentences = [
        sentence.strip()
        for sentence in _SENTENCE_END.split(text[-CLOSING:])
        if sentence and sentence.strip(" *#-\\[]()$")
    ]
    for back, sentence in enumerate(reversed(sentences[-1 - _LOOK_BACK :])):
        if back and not _CONCLUDES.search(sentence):
            continue
        if _DENIES.search(sentence):
            continue
        value = _value_in(_LABEL.sub("", sentence, count=1))
        if value and not (back and _NAME.fullmatch(value)):
            return value
    return None


def _first_sentence(text: str) -> str:
    math = MATH.match(text)
    end = math.end() if math else 0
    stop = _SENTENCE_END.search(text, end)
    return (text[: stop.start()] if stop else text).strip(" *\t\n")


def _narrow(said: str) -> str | None:
    """The answer in a sentence such as "option (C)", "$x=5$ meters", "the largest n is 34"."""
    said = said.replace('\\"', "").strip(" *\"'`").rstrip(".")
    math = list(MATH.finditer(said))
    if math:
        if len(MATH.sub(" ", said).split()) <= 3:  # a unit, "and"
            return MATH.sub(lambda m: f" {inside(m)} ", said).strip()
        return inside(math[0]) if len(math) == 1 and not math[0].start() else _value_in(said)
    if re.match(r"\(?[A-J]\)?(?:[).:,]|\s|$)", said):
        reason = r",?\s+(?=(?:because|since)\b)|,\s+(?=(?:it|as|so|not|which|and)\b)"
        return re.split(reason, said)[0] if len(said) <= 120 else said[:3]
    words = said.split()
    if (letter := re.match(r"\(?([A-J]{1,6})\)?\s*", said)) and FOREIGN.match(said, letter.end()):
        return letter[1]
    if FOREIGN.search(said) and len(said) > 12 and (number := _NUMBER.search(said)):
        return number[0].strip()
    if len(words) > 6:
        letter = re.search(r"(?<![A-Za-z'])\(?([A-J])\)?(?=[,.;]|\s*$)", said)
        return _value_in(said) or (letter[1] if letter else None)
    if _TELLS.match(said):
        return _value_in(said)
    return said or None


def _value_in(sentence: str) -> str | None:
    sentence = behind_value(sentence)
    math = list(MATH.finditer(sentence))
    after = sentence[math[-1].end() :] if math else sentence
    if math and not _NUMBER.search(after):
        named = [match for match in math if not _NAME.fullmatch(inside(match))]  # "3 possible values for $n$"
        return inside((named or math)[-1])
    if not math and (count := _COUNT.match(after)):
        return count[1]
    shorter = _TIME_SPENT.sub("", after)
    if shorter != after and (total := _TOTAL.search(shorter)) and _NUMBER.search(shorter, total.start()):
        after = shorter
    parts = _IS.split(after)
    last = _ADVERB.sub("", parts[-1].strip(" .*"))
    if last and len(last.split()) <= 3 and _NUMBER.search(last) and not FOREIGN.search(last):
        return last
    numbers = [
        match for match in _NUMBER.finditer(after) if not (match.start() and _ATTACHED.match(after[match.start() - 1]))
    ]
    return numbers[-1][0].strip() if numbers else None


def is_bare(text: str) -> bool:
    """Whether a short text without a box is an answer rather than sentences about one."""
    outside = _IN_TEXT.sub(" ", MATH.sub(" ", text))
    math = MATH.search(text)
    if math and re.search(r"[A-Za-z]{3,}\s*:\s*$", text[: math.start()]):
        return False
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{2,}", outside)
    if (_TELLS.match(text) or (len(words) > 5 and text.endswith("."))) and not re.search(r"[\\=<>$]", text):
        return False
    if is_sentence(text):
        return False
    return not _SENTENCE.search(outside) or len(words) <= 2


_SENTENCE = re.compile(
    r"\b(?:is|are|it's|that's|so|therefore|thus|hence|do|cannot|find|get|gives|equals|which|solution)\b", re.IGNORECASE
)
