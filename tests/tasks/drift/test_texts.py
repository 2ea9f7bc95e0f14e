"""Which texts are read: the same for every model, and only what can be asked."""

import json
from pathlib import Path

from tasks.drift.texts import choices, own_answers, passages

ROWS = [
    {"id": f"b/{n}", "question": f"Question {n}?", "answer": "B", "options": ["x", "y", "z"], "subset": ""}
    for n in range(20)
]
ANSWERS = {
    row["id"]: {"id": row["id"], "text": f"It is {row['id']}.", "finished": n % 4 > 0} for n, row in enumerate(ROWS)
}


def test_only_answers_that_ended_are_read_and_a_smaller_choice_is_part_of_a_larger_one() -> None:
    small, large = (list(own_answers("b", ROWS, ANSWERS, count)) for count in (5, 10))
    assert [row["id"] for row in small] == [row["id"] for row in large][:5]
    assert all(ANSWERS[row["id"]]["finished"] and row["thermometer"] == "own answers: b" for row in large)
    assert list(own_answers("b", reversed(ROWS), ANSWERS, 5)) == small
    assert "A. x\nB. y\nC. z" in small[0]["prompt"]


def test_a_question_without_one_right_letter_is_no_choice() -> None:
    odd = [
        ROWS[0] | {"id": "several", "answer": "AC"},
        ROWS[0] | {"id": "open", "options": [], "answer": "7"},
        ROWS[0] | {"id": "outside", "answer": "D"},
    ]
    found = list(choices("b", [*ROWS, *odd], 100))
    assert {row["id"] for row in found} == {row["id"] for row in ROWS}
    assert found[0]["options"] == ["A", "B", "C"]


def test_passages_keep_their_domain(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text(json.dumps({"id": "code/1", "domain": "code", "text": "def f(): pass"}))
    assert [row["thermometer"] for row in passages(tmp_path / "p.jsonl")] == ["general text: code"]
