"""The instructions that a program can check, each a function of the text: IFEval's strict checks (its Table 1).

In:  CHECKS["length_constraints:number_words"]("Cold and deep.", relation="at least", num_words=300)     Out: False
In:  unfit("startend:end_checker", end_phrase="")        Out: "startend:end_checker: end_phrase: String should have …"

Written anew, by what the paper's own checks count. Two of its 25 kinds need a library that knows languages or sentences
(`UNCHECKED`). Of the two that ask for English in capital or small letters the letters are checked, not the language.
"""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, validate_call

UNCHECKED = ("language:response_language", "length_constraints:number_sentences")
Relation = Literal["at least", "less than"]
Count = Annotated[int, Field(ge=0)]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1)]
Check = Callable[..., bool]
CHECKS: dict[str, Check] = {}
OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_FENCE = re.compile(r"\A```(?:json)?(.*?)(?:```)?\Z", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")


def unfit(instruction: Any = None, **arguments: Any) -> str:
    """What is wrong with an instruction and its arguments; empty where nothing is."""
    if instruction not in CHECKS:
        return f"instruction {instruction!r:.60} is none that is checked"
    try:
        CHECKS[instruction]("", **arguments)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{instruction}: {first['loc'][-1]}: {first['msg']}"
    return ""


def _instruction(name: str) -> Callable[[Check], Check]:
    def known(check: Check) -> Check:
        CHECKS[name] = validate_call(config=ConfigDict(strict=True))(check)
        return check

    return known


def _compared(count: int, relation: Relation, wanted: int) -> bool:
    return count >= wanted if relation == "at least" else count < wanted


@_instruction("keywords:existence")
def _existence(text: str, *, keywords: Texts) -> bool:
    return all(one.casefold() in text.casefold() for one in keywords)


@_instruction("keywords:frequency")
def _frequency(text: str, *, relation: Relation, keyword: Text, frequency: Count) -> bool:
    return _compared(text.casefold().count(keyword.strip().casefold()), relation, frequency)


@_instruction("keywords:forbidden_words")
def _forbidden(text: str, *, forbidden_words: Texts) -> bool:
    return not any(re.search(rf"\b{re.escape(one)}\b", text, re.IGNORECASE) for one in forbidden_words)


@_instruction("keywords:letter_frequency")
def _letters(text: str, *, let_relation: Relation, letter: Text, let_frequency: Count) -> bool:
    return _compared(text.lower().count(letter.strip().lower()), let_relation, let_frequency)


@_instruction("length_constraints:number_words")
def _words(text: str, *, relation: Relation, num_words: Count) -> bool:
    return _compared(len(re.findall(r"\w+", text)), relation, num_words)


@_instruction("length_constraints:number_paragraphs")
def _paragraphs(text: str, *, num_paragraphs: Count) -> bool:
    parts = _parts(re.split(r"\s?\*\*\*\s?", text))
    return parts is not None and len(parts) == num_paragraphs


@_instruction("length_constraints:nth_paragraph_first_word")
def _first_word(
    text: str, *, num_paragraphs: Count, nth_paragraph: Annotated[int, Field(ge=1)], first_word: Text
) -> bool:
    parts = text.split("\n\n")
    if sum(bool(part.strip()) for part in parts) != num_paragraphs or nth_paragraph > num_paragraphs:
        return False
    words = parts[nth_paragraph - 1].split()
    return bool(words) and re.split(r"[.,?!'\"]", words[0].lstrip("'").lstrip('"'))[0].lower() == first_word.lower()


@_instruction("detectable_content:number_placeholders")
def _placeholders(text: str, *, num_placeholders: Count) -> bool:
    return len(re.findall(r"\[.*?\]", text)) >= num_placeholders


@_instruction("detectable_content:postscript")
def _postscript(text: str, *, postscript_marker: Text) -> bool:
    spaced = {"P.S.": r"p\.\s?s\.", "P.P.S": r"p\.\s?p\.\s?s"}
    return bool(re.search(spaced.get(postscript_marker, re.escape(postscript_marker.lower())), text.lower()))


@_instruction("detectable_format:number_bullet_lists")
def _bullets(text: str, *, num_bullets: Count) -> bool:
    return len(re.findall(r"^\s*(?:\*[^*].*|-.*)$", text, re.MULTILINE)) == num_bullets


@_instruction("detectable_format:constrained_response")
def _one_of_three(text: str) -> bool:
    return any(one in text for one in OPTIONS)


@_instruction("detectable_format:number_highlighted_sections")
def _highlights(text: str, *, num_highlights: Count) -> bool:
    found = re.findall(r"\*[^\n*]*\*", text) + re.findall(r"\*\*[^\n*]*\*\*", text)
    return sum(bool(one.strip("*").strip()) for one in found) >= num_highlights


@_instruction("detectable_format:multiple_sections")
def _sections(text: str, *, section_spliter: Text, num_sections: Count) -> bool:
    return len(re.findall(rf"{re.escape(section_spliter.strip())}\s?\d+", text)) >= num_sections


@_instruction("detectable_format:json_format")
def _json(text: str) -> bool:
    fenced = _FENCE.match(text.strip())
    try:
        json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return False
    return True


@_instruction("detectable_format:title")
def _title(text: str) -> bool:
    return any(one.strip("<>").strip() for one in re.findall(r"<<[^\n]+>>", text))


@_instruction("combination:two_responses")
def _two(text: str) -> bool:
    parts = _parts(text.split("******"))
    return parts is not None and len(parts) == 2 and parts[0] != parts[1]


@_instruction("combination:repeat_prompt")
def _repeats(text: str, *, prompt_to_repeat: Text) -> bool:
    return text.strip().lower().startswith(prompt_to_repeat.strip().lower())


@_instruction("startend:end_checker")
def _ends(text: str, *, end_phrase: Text) -> bool:
    return text.strip().strip('"').lower().endswith(end_phrase.strip().lower())


@_instruction("startend:quotation")
def _quoted(text: str) -> bool:
    return len(text.strip()) > 1 and text.strip()[0] == text.strip()[-1] == '"'


@_instruction("change_case:capital_word_frequency")
def _capital_words(text: str, *, capital_relation: Relation, capital_frequency: Count) -> bool:
    return _compared(sum(word.isupper() for word in _WORD.findall(text)), capital_relation, capital_frequency)


@_instruction("change_case:english_capital")
def _capital(text: str) -> bool:
    return text.isupper()


@_instruction("change_case:english_lowercase")
def _small(text: str) -> bool:
    return text.islower()


@_instruction("punctuation:no_comma")
def _no_comma(text: str) -> bool:
    return "," not in text


def _parts(texts: list[str]) -> list[str] | None:
    """The parts of a divided text; its ends may be empty, and None where another part is."""
    parts = [one.strip() for one in texts]
    return None if not all(parts[1:-1]) else [one for one in parts if one]
