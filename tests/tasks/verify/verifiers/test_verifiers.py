"""Each verifier accepts a right answer in the ways it is written, and refuses it spoilt."""

import json
from pathlib import Path

import pytest

from tasks.verify.gate import GateConfig
from tasks.verify.types import AnswerVerdict, AnswerVerifier, Candidate
from tasks.verify.verifiers.options import VerifierOptions
from tasks.verify.verifiers.python_function import VerifierError
from tasks.verify.verifiers.registry import BUILT_IN, MATH, make

CHOICES = "Which drug thins the blood at once?\nA. aspirin\nB. heparin\nC. warfarin\nD. insulin"


def verifier(name: str, **options: object) -> AnswerVerifier:
    gate = GateConfig.model_validate({"verifier": name, "options": options, "judge": {"rubric": "It helps."}})
    return gate.open_answers()


def verdict(name: str, gold: str, solution: str, question: str = "", **options: object) -> AnswerVerdict:
    return verifier(name, **options).check([Candidate("r", question, gold, solution)])[0]


@pytest.mark.parametrize(
    "solution",
    [
        "It acts within minutes.\n\n$\\boxed{B}$",
        "It acts within minutes.\nAnswer: B",
        "It acts within minutes. The answer is (B).",
        "**Answer:** B. heparin",
        "So the correct option is B) heparin.",
        "<think>A or B? Answer: A</think>The answer is B.",
        "<answer>b</answer>",
        "The answer is B because it acts at once.",
        "Warfarin needs days.\nHeparin",
        "B",
    ],
)
def test_multiple_choice_takes_the_letter_and_the_options_own_text(solution: str) -> None:
    assert verdict("multiple_choice", "B", solution, CHOICES).verdict == "correct"


@pytest.mark.parametrize(
    ("solution", "outcome"),
    [
        ("Answer: C", "wrong"),
        ("It is not B.\nAnswer: A. aspirin", "wrong"),
        ("Warfarin", "wrong"),
        ("Answer: B. aspirin", "undecided"),
        ("Answer: A and B", "wrong"),
        ("I do not know.", "no_answer"),
        ("<think>Answer: B", "no_answer"),
        ("", "no_answer"),
    ],
)
def test_multiple_choice_refuses_what_is_not_the_option(solution: str, outcome: str) -> None:
    assert verdict("multiple_choice", "B", solution, CHOICES).verdict == outcome


def test_several_right_letters_count_in_any_order() -> None:
    assert verdict("multiple_choice", "A, C", "Answer: C and A", CHOICES).correct
    assert not verdict("multiple_choice", "A, C", "Answer: A", CHOICES).correct


def test_exact_ignores_case_and_spaces_alone() -> None:
    gold = "Bacterial meningitis"
    for right in (
        "A stiff neck.\nAnswer: bacterial  meningitis.",
        "\\boxed{Bacterial meningitis}",
        "bacterial meningitis",
    ):
        assert verdict("exact", gold, right).verdict == "correct", right
    for wrong in ("Answer: viral meningitis", "Answer: meningitis", "bacterial meningitis, perhaps"):
        assert verdict("exact", gold, wrong).verdict == "wrong", wrong
    assert not verdict("exact", gold, "bacterial meningitis", ignore_case=False).correct


def test_a_pattern_says_where_the_answer_stands_in_solution_and_reference() -> None:
    pattern = r"(?m)^Intent: (\w+)"
    gold = "Intent: refund\nSince the parcel was lost."
    assert verdict("exact", gold, "Intent: refund\nWe are sorry.", pattern=pattern).correct
    assert verdict("exact", "refund", "Intent: refund\nWe are sorry.", pattern=pattern).correct
    assert verdict("exact", gold, "Intent: exchange\nWe are sorry.", pattern=pattern).verdict == "wrong"
    assert verdict("exact", gold, "We are sorry.", pattern=pattern).verdict == "no_answer"


def test_numeric_compares_one_number_within_its_tolerance() -> None:
    for right in ("12.5 mg", "0.25 times 50.\nAnswer: 12.50", "\\boxed{12,5}", "The answer is 12.5 mg."):
        assert verdict("numeric", "12.5 mg", right).verdict == "correct", right
    for wrong in ("Answer: 12.6 mg", "Answer: 12.5 g", "Answer: -12.5", "Answer: 125"):
        assert verdict("numeric", "12.5 mg", wrong).verdict == "wrong", wrong
    for none in ("Answer: 12 or 13", "Answer: a little", "…"):
        assert verdict("numeric", "12.5 mg", none).verdict == "no_answer", none
    assert verdict("numeric", "1,250", "1250").correct and verdict("numeric", "0.3", "0.3").correct
    assert verdict("numeric", "100", "100.5", tolerance=0.5).correct
    assert not verdict("numeric", "100", "100.6", tolerance=0.5).correct
    assert verdict("numeric", "200", "198", relative_tolerance=0.01).correct
    assert not verdict("numeric", "200", "197", relative_tolerance=0.01).correct


def test_json_must_fit_the_schema_and_agree_in_the_named_fields(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "required": ["intent"],
        "properties": {"intent": {"enum": ["refund", "exchange"]}, "urgent": {"type": "boolean"}},
    }
    path = tmp_path / "ticket.schema.json"
    path.write_text(json.dumps(schema), encoding="utf-8")
    options = {"schema_file": path, "same_fields": ["intent"]}
    gold = '{"intent": "refund", "urgent": true}'
    right = 'The customer wants money back.\n```json\n{"intent": "refund", "urgent": false}\n```'
    assert verdict("json_schema", gold, right, **options).correct
    assert verdict("json_schema", gold, 'So: {"intent": "refund"}', **options).correct
    assert verdict("json_schema", gold, right.replace("refund", "exchange"), **options).verdict == "wrong"
    assert "enum" in str(schema) and verdict("json_schema", gold, '{"intent": "refnd"}', **options).verdict == "wrong"
    assert verdict("json_schema", gold, '{"intent": "refund", "urgent": 1}', **options).verdict == "wrong"
    assert verdict("json_schema", gold, '{"intent": "refund"', **options).verdict == "no_answer"
    assert verifier("json_schema", **options).verifiable('{"urgent": true}') == (
        False,
        "does not fit the schema at its top: 'intent' is a required property",
    )


def test_a_file_that_is_no_schema_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"type": "no such type"}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.json holds no JSON schema"):
        verifier("json_schema", schema_file=path)
    with pytest.raises(ValueError, match=r"gate\.options\.schema_file"):
        verifier("json_schema")


def test_the_judge_alone_gets_every_whole_text() -> None:
    assert verdict("judge", "Refund it.", "We will refund it.").correct
    cut_off = Candidate("r", "", "Refund it.", "We will", finished=False)
    assert verifier("judge").check([cut_off])[0].verdict == "no_answer"


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    path = tmp_path / "checks.py"
    path.write_text(
        "def same_end(question, gold, solution):\n    return solution.split()[-1] == gold.split()[-1]\n"
        "def told(question, gold, solution):\n    return (None, 'no order number')\n"
        "def broken(question, gold, solution):\n    return 1 / 0\n"
        "def odd(question, gold, solution):\n    return 'yes'\n",
        encoding="utf-8",
    )
    return path


def test_a_function_of_the_users_own_file_decides(functions: Path) -> None:
    assert verdict("python", "order 17", "It is 17", function=f"{functions}:same_end").correct
    assert verdict("python", "order 17", "It is 18", function=f"{functions}:same_end").verdict == "wrong"
    told = verdict("python", "order 17", "It is 18", function=f"{functions}:told")
    assert (told.verdict, told.reason) == ("undecided", "no order number")


def test_a_function_that_fails_stops_the_run_and_names_the_row(functions: Path) -> None:
    with pytest.raises(VerifierError, match=r"checks\.py:broken: row r: ZeroDivisionError"):
        verdict("python", "17", "17", function=f"{functions}:broken")
    with pytest.raises(VerifierError, match="returned 'yes'"):
        verdict("python", "17", "17", function=f"{functions}:odd")
    with pytest.raises(ValueError, match="has no function nowhere"):
        verifier("python", function=f"{functions}:nowhere")


def test_no_verifier_accepts_a_text_that_was_cut_off(tmp_path: Path, functions: Path) -> None:
    schema = tmp_path / "any.json"
    schema.write_text("{}", encoding="utf-8")
    options_of = {"json_schema": {"schema_file": schema}, "python": {"function": f"{functions}:same_end"}}
    options_of["code"] = {"code_sandbox": True}
    golds = {"json_schema": '["B", 1]', "numeric": "1", "code": "assert True", "refusal": "refuse"}
    golds["instructions"] = '[{"instruction": "punctuation:no_comma"}]'
    for name in BUILT_IN:
        options, gold = options_of.get(name, {}), golds.get(name, "B")
        cut = Candidate("r", "", gold, gold, finished=False)
        assert verifier(name, **options).check([cut])[0].verdict == "no_answer", name  # type: ignore[arg-type]


def test_a_pattern_that_is_no_regular_expression_is_refused_where_it_is_given() -> None:
    with pytest.raises(ValueError, match=r"'Diagnosis: \(' is no regular expression: missing \), unterminated"):
        VerifierOptions(pattern="Diagnosis: (")
    assert VerifierOptions(pattern="Diagnosis: (.+)").pattern == "Diagnosis: (.+)"


def test_math_is_what_it_was() -> None:
    math = make(MATH, VerifierOptions(), GateConfig().answers)
    math.start()
    assert math.check([Candidate("r", "", "#### 72", "so \\boxed{72.0}")])[0].correct
    assert math.verifiable("which completes the proof. $\\blacksquare$") == (False, "a proof: it states no answer")
    math.close()
