"""Sentences in other languages than English: where they state the answer, and whether a text is one.

In:  "因此一共有 13 只。", "Donc la réponse est 9.", "إذن الجواب هو 5"
Out: ELSEWHERE finds "la réponse est ", "الجواب هو "; is_sentence is True of all three
"""

import re

ELSEWHERE = re.compile(
    r"(?:正确)?答案(?:应该|应当|应)?(?:就?是|为|等于|选)?[\s：:*]*|(?:故|应|所以|因此)选[\s：:]*|选项?[\s：:]*(?=[(（]?[A-J])|答え[は：:]\s*"
    r"|(?:정답|답)[은:：]\s*"
    r"|(?:réponse|risposta|respuesta|resposta)(?:\s+(?:finale?|correct[ae]|corretta|correta))?\s*(?:est|es|è|é|:)[\s:*]*"
    r"|(?:antwort|endergebnis|ergebnis)\s*(?:ist|lautet|beträgt|:)(?:\s+(?:daher|also|somit))?[\s:*]*"
    r"|(?:ответ|итого)\s*(?:[:—–-]|равен|будет)?[\s:*]*"
    r"|(?:ال)?(?:جواب|إجابة|اجابة)(?:\s+النهائية?|\s+الصحيحة?)?\s*(?:هو|هي)?[\s:*]*"
    r"|उत्तर[\s:*]*",
    re.IGNORECASE,
)
STOPS = "。！？।؟"
# Letters of scripts other than Latin and Greek, with the marks that belong to them.
SCRIPTS = "\u0400-\u052f\u0590-\u06ff\u0900-\u0dff\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
FOREIGN = re.compile(f"[{SCRIPTS}]")
_WORDS = re.compile(
    r"\b(?:est|sont|donc|ainsi|ist|sind|daher|somit|también|por|entonces|luego|quindi|dunque|portanto)\b", re.IGNORECASE
)
_MOST = 10  # letters of an answer in a script that is not Latin


def is_sentence(text: str) -> bool:
    """Whether a short text is a sentence about an answer, in a language other than English."""
    if text.isascii():
        return len(text.split()) > 3 and _WORDS.search(text) is not None
    return (
        len(FOREIGN.findall(text)) > _MOST
        or (text[-1] in STOPS and FOREIGN.search(text) is not None)
        or (len(text.split()) > 3 and _WORDS.search(text) is not None)
    )
