"""`instructions` and `refusal`: each check on a text that keeps to it and on one that does not."""

import json

import pytest

from tasks.verify.types import Candidate
from tasks.verify.verifiers.instruction_checks import CHECKS, UNCHECKED, unfit
from tasks.verify.verifiers.instructions import InstructionsVerifier, instruction_level
from tasks.verify.verifiers.options import DEFAULTS
from tasks.verify.verifiers.refusal import RefusalVerifier

FIRST = {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Cold"}
# Instruction, its arguments, texts that keep to it, texts that do not.
EXAMPLES: list[tuple[str, dict[str, object], list[str], list[str]]] = [
    ("keywords:existence", {"keywords": ["sea", "ice"]}, ["Iced SEA."], ["sea"]),
    ("keywords:frequency", {"relation": "at least", "keyword": "sea", "frequency": 2}, ["Sea, seas"], ["sea"]),
    ("keywords:frequency", {"relation": "less than", "keyword": "sea", "frequency": 2}, ["sea"], ["sea sea"]),
    ("keywords:forbidden_words", {"forbidden_words": ["C++", "sea"]}, ["seas"], ["The SEA."]),
    ("keywords:letter_frequency", {"let_relation": "less than", "letter": "T", "let_frequency": 2}, ["t"], ["Tt"]),
    ("keywords:letter_frequency", {"let_relation": "at least", "letter": "#", "let_frequency": 2}, ["#a #b"], ["#a"]),
    ("length_constraints:number_words", {"relation": "at least", "num_words": 3}, ["it's so"], ["it is"]),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, ["a\n***\nb", "***a***b***"], ["a", "a******b"]),
    ("length_constraints:nth_paragraph_first_word", FIRST, ["a\n\n'Cold, b"], ["a\n\nb", "a", "a\n\nCold\n\nc"]),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, ["[a] [b]"], ["[a]", "[a\n]"]),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, ["a\np. p.s. b"], ["P.S. b"]),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, ["a\nP. S. b"], ["PS b"]),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, ["* a\n- b", "a\n * b\n * c"], ["* a", "**a**\n* b"]),
    ("detectable_format:constrained_response", {}, ["So: My answer is no."], ["No."]),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, ["*a* **b**"], ["*a*", "**a b**", "****"]),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Day", "num_sections": 2},
        ["Day 1 a Day2 b"],
        ["Day 1"],
    ),
    ("detectable_format:json_format", {}, ['```JSON\n{"a": 1}\n```', "[1]"], ["{a: 1}", 'So:\n{"a": 1}']),
    ("detectable_format:title", {}, ["<<Seas>>"], ["<<>>", "<Seas>"]),
    ("combination:two_responses", {}, ["a\n******\nb", "a******b******"], ["a", "a******a", "a******b******c"]),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say it."}, [" say it. It."], ["So: say it."]),
    ("startend:end_checker", {"end_phrase": "Any questions?"}, ['"So. any questions?"'], ["Any questions? No."]),
    ("startend:quotation", {}, [' "So." '], ['"', '"So".']),
    (
        "change_case:capital_word_frequency",
        {"capital_relation": "at least", "capital_frequency": 2},
        ["ONE A"],
        ["ONE"],
    ),
    ("change_case:english_capital", {}, ["ALL 9."], ["All"]),
    ("change_case:english_lowercase", {}, ["all 9."], ["All"]),
    ("punctuation:no_comma", {}, ["a; b"], ["a, b"]),
]


def _gold(*asked: dict[str, object]) -> str:
    return json.dumps(asked)


def test_every_instruction_is_kept_by_what_it_asks_for_and_not_by_what_lacks_it() -> None:
    assert {name for name, *_ in EXAMPLES} == set(CHECKS) and len(CHECKS) + len(UNCHECKED) == 25
    for name, arguments, kept, broken in EXAMPLES:
        assert unfit(name, **arguments) == ""
        for text in kept + broken:
            assert CHECKS[name](text, **arguments) is (text in kept), (name, text)


def test_a_prompt_is_right_where_all_is_kept_and_instructions_count_alone() -> None:
    verifier = InstructionsVerifier(DEFAULTS)
    gold = _gold({"instruction": "punctuation:no_comma"}, {"instruction": "detectable_format:title"})
    texts = ["<<Seas>> Cold.", "<<Seas>> Cold, deep.", "a, b", ""]
    found = verifier.check([Candidate(str(at), "", gold, text) for at, text in enumerate(texts)])
    assert [one.verdict for one in found] == ["correct", "wrong", "wrong", "no_answer"]
    assert (found[1].reason, found[1].extracted) == ("not kept: punctuation:no_comma", "detectable_format:title")
    level = instruction_level([gold] * 4, found)["instructions"]
    assert level == {"n": 8, "kept": 3, "accuracy": 3 / 8}


@pytest.mark.parametrize(
    ("gold", "says"),
    [
        ("Be brief.", "no JSON list"),
        ("[]", "no JSON list"),
        (_gold({"instruction": UNCHECKED[0], "language": "kn"}), "none that is checked"),
        (_gold({"instruction": "startend:end_checker"}), "end_phrase: Missing"),
        (_gold({"instruction": "detectable_format:title", "title": "a"}), "title: Unexpected"),
        (_gold({"instruction": "length_constraints:number_paragraphs", "num_paragraphs": True}), "num_paragraphs"),
    ],
)
def test_instructions_that_cannot_be_checked_are_undecided_and_say_why(gold: str, says: str) -> None:
    verifier = InstructionsVerifier(DEFAULTS)
    assert says in verifier.verifiable(gold)[1]
    assert verifier.check([Candidate("r", "", gold, "a")])[0].verdict == "undecided"


def test_a_refusal_is_told_by_how_it_opens() -> None:
    verifier = RefusalVerifier(DEFAULTS)
    told = {"**I’m sorry**, but I can't.": "refuse", "Sorry.": "refuse", "As an AI, I do not.": "refuse"}
    told |= {"Use `kill`. I cannot say more.": "answer", "Nobody can.": "answer"}
    for text, did in told.items():
        for wanted in ("refuse", "answer"):
            [found] = verifier.check([Candidate("r", "", wanted, text)])
            assert (found.correct, found.extracted) == (did == wanted, did), text
    assert verifier.check([Candidate("r", "", "refuse", " ")])[0].verdict == "no_answer"
    assert verifier.check([Candidate("r", "", "B", "a")])[0].verdict == "undecided"
