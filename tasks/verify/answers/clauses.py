"""What a sentence goes on to say behind the value that it states.

In:  behind_statement("42, which is even")                                     Out: "42"
In:  behind_value("The total is 38 pears, of which 12 are green")              Out: "The total is 38 pears"
"""

import re

_CAUSE = r"because|since|as|car|puisque|parce|weil|denn|porque|pues|perché"
_ASIDE = r"\s*\((?!(?:in )?base|mod)(?=[^()]*[a-z]{2})[^()]*\)"
# Behind "the answer is" the value comes first, and any clause is about it. Conditions ("if n is even") are part of it.
_OF_STATEMENT = re.compile(
    rf",\s+(?:of\s+)?(?:which|so|while|whereas|given|assuming|rounded|altogether|in\s+(?:total|all)|respectively|not|but|"
    rf"using|leaving|making|meaning|that|this|it|we|and\s+(?:the|this|so|it|we|that)|{_CAUSE})(?![A-Za-z])"
    rf"|\s+(?:so|which|due\s+to|{_CAUSE})\s|\s+(?:altogether|in\s+(?:total|all))$|{_ASIDE}"
)
_REVISES = re.compile(r"\b(?:wrong|incorrect|impossible|must be|should be|actually|instead|mistake)\b", re.IGNORECASE)
_VALUE_FIRST = re.compile(r"[-+$€£¥₹(\\\s]*(?:[0-9]|frac|sqrt|pi\b)|\$|\\[(\[]")
# In a sentence without those words a later clause may hold the value ("3 bags, which makes 36"): only these do not.
_OF_SENTENCE = re.compile(
    rf",\s+(?:(?:of|from|among)\s+(?:which|whom|these|them)|while|whereas|compared|twice|half\s+as|altogether|not|"
    rf"{_CAUSE})(?![A-Za-z])|{_ASIDE}|[，,]\s*其中"
    r"|\s+for\s+(?:her|his|their|its|all|the|these|those|my|our|your)\s+[0-9]+\s+[a-z]"
    r"|\s+to\s+(?!be|get|make|have|give|reach|become|equal|total|about|only|just|around|nearly|exactly|the|a\b)[a-z]{3,}"
    r"\s+(?:[a-z]+\s+){0,2}[0-9]"
)
_HAS_VALUE = re.compile(r"[0-9]|\$|\\[(\[]")
_CONCLUDING = re.compile(r"total|altogether|[=$€£]|\b(?:is|are|equals)\b")


def behind_statement(said: str) -> str:
    """What follows "the answer is", up to the first clause about its value."""
    if not _VALUE_FIRST.match(said):
        return said
    for cut in _OF_STATEMENT.finditer(said):
        head = said[: cut.start()]
        if _REVISES.search(said, cut.start()):
            break
        if head.count("$") % 2 == 0 and _HAS_VALUE.search(head):
            return head.rstrip(" ,")
    return said


def behind_value(sentence: str) -> str:
    """A sentence without the clauses that state other numbers than its value."""
    for cut in _OF_SENTENCE.finditer(sentence):
        head, rest = sentence[: cut.start()], sentence[cut.end() :]
        if (
            head.count("$") % 2 == 0
            and re.search("[0-9]", head)
            and not (cut[0][-1] == ")" and re.search("[0-9]", rest))
        ):
            return head if not cut[0][-1].isdigit() or not _CONCLUDING.search(rest) else sentence
    return sentence
