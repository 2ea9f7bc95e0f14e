"""Rows are understood by their fields; nothing that belongs to the question is dropped without a word."""

from typing import Any

import pytest

from tasks.rows.reader.bad_row import BadRow
from tasks.rows.reader.mapping import MapError, at_path, parse_map
from tasks.rows.reader.reference import reference
from tasks.rows.reader.shapes import understand

SYSTEM = {"role": "system", "content": "Be short."}
ASKED = {"role": "user", "content": "What is 6 + 5?"}
ANSWERED = {"role": "assistant", "content": "11"}
AGAIN = {"role": "user", "content": "And twice that?"}
LAST = {"role": "assistant", "content": "2 * 11 = 22"}
TALK = "User: What is 6 + 5?\n\nAssistant: 11\n\nUser: And twice that?"

UNDERSTOOD: list[tuple[dict[str, Any], str, str, str | None]] = [
    ({"instruction": "Mean?", "input": "4, 8", "output": "6"}, "Mean?\n\n4, 8", "6", None),
    (
        {"instruction": "How many?", "context": "6 red, 5 blue.", "response": "11"},
        "How many?\n\n6 red, 5 blue.",
        "11",
        None,
    ),
    ({"instruction": "And twice that?", "history": [["What is 6 + 5?", "11"]], "output": "22"}, TALK, "22", None),
    ({"system": "Be short.", "prompt": "6 + 5?", "completion": "11"}, "Be short.\n\n6 + 5?", "11", None),
    ({"instruction": "Solve.", "question": "6 + 5?", "answer": "11"}, "Solve.\n\n6 + 5?", "11", None),
    ({"problem": "6 + 5?", "solution": "11", "messages": [ASKED, ANSWERED]}, "6 + 5?", "11", None),
    ({"prompt": "6 + 5?", "messages": [ASKED, ANSWERED]}, "What is 6 + 5?", "11", None),
    ({"messages": [ASKED, ANSWERED, AGAIN, LAST]}, TALK, "2 * 11 = 22", None),
    ({"messages": [ASKED, ANSWERED, AGAIN, LAST, ASKED]}, TALK, "2 * 11 = 22", None),
    (
        {"messages": [{"role": "system", "content": "Be short."}, ASKED, ANSWERED]},
        "Be short.\n\nWhat is 6 + 5?",
        "11",
        None,
    ),
    (
        {"system": "Be short.", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "s"}]},
        "Be short.\n\nq",
        "s",
        None,
    ),
    ({"prompt": [ASKED], "completion": [ANSWERED]}, "What is 6 + 5?", "11", None),
    ({"prompt": [ASKED, ANSWERED, AGAIN], "completion": "22"}, TALK, "22", None),
    (
        {"prompt": "What is 6 + 5?", "chosen": [ASKED, ANSWERED], "rejected": [ASKED, LAST]},
        "What is 6 + 5?",
        "11",
        None,
    ),
    (
        {"question": "Speed?", "options": ["A)5", "B)6"], "rationale": "So B", "correct": "B"},
        "Speed?\n\nA)5\nB)6",
        "So B",
        "B",
    ),
    (
        {"question": "Speed?", "choices": {"label": ["A", "B"], "text": ["5", "6"]}, "answer": "B"},
        "Speed?\n\nA. 5\nB. 6",
        "B",
        None,
    ),
    ({"question": "Speed?", "choices": [5, 6], "answer": "6"}, "Speed?\n\nA. 5\nB. 6", "6", None),
    ({"question": "q", "answer": "(C)", "chain_of_thought": "so C"}, "q", "so C", "(C)"),
    ({"question": "q", "solution": ["s"], "final_answer": ["7"]}, "q", "s", "7"),
    ({"Problem": "q", "solution": "s", "Short Answer": 7}, "q", "s", "7"),
]


@pytest.mark.parametrize(("row", "question", "solution", "answer"), UNDERSTOOD)
def test_a_shape_is_recognised_by_its_fields(row: Any, question: str, solution: str, answer: str | None) -> None:
    found = understand(row)
    assert (found.question, found.solution, found.answer) == (question, solution, answer)
    assert found.shape


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"text": "just text"}, "The row has text: --map question=FIELD"),
        ({"question": "q", "solution": ["a", "b"]}, "choose one with --map solution=solution.0"),
        ({"question": "q", "answer": "s", "context": {"sentences": []}}, "may belong to the question"),
        ({"messages": [ASKED]}, "no assistant turn"),
        ({"messages": [ANSWERED]}, "no assistant turn with a user turn before it"),
        ({"messages": [ASKED, {"role": "assistant", "content": None}]}, "turn 2 holds no text"),
        ({"messages": [ASKED, {"role": "tool", "content": "5"}, ANSWERED]}, "tools and other speakers"),
    ],
)
def test_what_is_no_demonstration_says_why(row: Any, says: str) -> None:
    with pytest.raises(BadRow) as refused:
        understand(row)
    assert says in refused.value.problem


def test_a_mapping_reads_any_other_row_and_says_what_to_type() -> None:
    row = {"data": {"problem": "q", "answers": ["a", "b"]}, "a.b": "s", "meta": {"from": "book", "gold": 7}}
    given = ["question=data.problem", "solution=a.b", "answer=meta.gold", "source=meta.from"]
    found = understand(row, parse_map(given))
    assert (found.question, found.solution, found.answer, found.source) == ("q", "s", "7", "book")
    assert at_path(row, "data.answers.-1") == "b"
    assert understand({"problem": "q", "mine": "s"}, {"solution": "mine"}).solution == "s"
    with pytest.raises(BadRow, match="'answer' is none of problem, answers"):
        at_path(row, "data.answer")
    for wrong in ("question", "question=", "target=x"):
        with pytest.raises(MapError, match=r"write part=field.*question, solution, answer"):
            parse_map([wrong])
    with pytest.raises(MapError, match="mapped twice"):
        parse_map(["id=a", "id=b"])


@pytest.mark.parametrize(
    "none",
    [
        None,
        "",
        " ",
        "n/a",
        "N/A",
        "NA",
        "NaN",
        float("nan"),
        "None",
        "null",
        "notfound",
        "Not found",
        "proof",
        "Proof.",
        "unknown",
        "-",
        [],
        ["a", "b"],
        {},
        True,
    ],
)
def test_a_field_that_says_there_is_no_answer_is_no_answer(none: Any) -> None:
    assert reference(none) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("7", "7"),
        (7, "7"),
        (0, "0"),
        (["7"], "7"),
        ("none", "none"),
        ("Na", "Na"),
        ("undefined", "undefined"),
        ("-1", "-1"),
    ],
)
def test_an_answer_is_kept_as_it_is(value: Any, text: str) -> None:
    assert reference(value) == text
