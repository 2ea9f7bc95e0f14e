"""A user's file is read by the usual names; what cannot be used is told, never lost."""

import json
from pathlib import Path

from tasks.rows.demonstrations import describe, read_demonstrations


def test_unusable_rows_are_told_and_the_others_kept(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    good = {"problem": "2 + 2 ?", "generated_solution": "4", "id": "x", "expected_answer": 4, "mine": [1]}
    lines = [json.dumps(good), "{", json.dumps({"question": "q"}), json.dumps(good), "[]", '{"solution": "s"}']
    file.write_text("\n".join(lines))
    given = read_demonstrations(file)
    assert given.rows == [{"id": "x", "question": "2 + 2 ?", "solution": "4", "answer": "4", "source": "-"}]
    assert given.originals == {"x": good}
    told = [describe(bad) for bad in given.bad]
    assert [bad["line"] for bad in given.bad] == [2, 3, 4, 5, 6]
    assert told[0] == "line 2: field '(whole line)': is not a JSON object"
    assert "line 3: field 'solution'" in told[1]
    assert "row x: field 'id': appears twice" in told[2]
    assert "not a JSON object" in told[3]
    assert "field 'question'" in told[4]


def test_what_is_no_text_costs_its_row(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    good = {"question": "q", "solution": "s"}
    lines = [good, good | {"solution": "half \ud800"}, good | {"id": "\udfff"}, good | {"answer": "byte"}]
    file.write_bytes("\n".join(map(json.dumps, lines)).encode().replace(b"byte", b"\xff"))
    given = read_demonstrations(file)
    assert [row["id"] for row in given.rows] == ["line 1"]
    assert [(bad["line"], bad["field"]) for bad in given.bad] == [(2, "solution"), (3, "id"), (4, "answer")]


def test_a_sample_is_spread_evenly_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text("\n".join(json.dumps({"id": str(i), "question": "q", "target": "t"}) for i in range(100)))
    given = read_demonstrations(file)
    assert [row["id"] for row in given.evenly(10)] == [str(i) for i in range(0, 100, 10)]
    assert len(given.evenly(1000)) == 100
