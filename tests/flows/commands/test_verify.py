"""`verify`: ids come back as they came, an empty field is none, and each reason says what to do next."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.commands.verify import NEXT, read_candidate, what_next
from tasks.rows.jsonl import read_rows, write_rows
from tasks.verify.types import Candidate

ROWS = [
    {"id": 7, "gold": "5", "solution": r"\boxed{5}"},
    {"id": "a", "gold": "5", "solution": None, "answer": "5"},
    {"id": None, "gold": "5", "solution": "", "answer": "5"},
    {"gold": "5", "solution": "I do not know."},
    {"gold": "5", "solution": r"\boxed{5}", "finished": False},
]


def test_verdicts_carry_the_ids_of_the_rows_and_say_what_to_do(tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "verdicts.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    done = CliRunner().invoke(app, ["verify", str(file), "--json", str(out), "--processes", "1"])
    assert done.exit_code == 0, done.output
    verdicts = list(read_rows(out))
    assert [row["id"] for row in verdicts] == [7, "a", 3, 4, 5]
    assert [row["verdict"] for row in verdicts] == ["correct", "correct", "correct", "no_answer", "no_answer"]
    assert "what to do next" in done.output
    assert "allow more tokens" in done.output and "on the last line" in done.output


@pytest.mark.parametrize("beginning", NEXT)
def test_advice_has_no_line_of_its_own_for_what_is_right(beginning: str) -> None:
    assert what_next(f"{beginning} …") and not what_next("identical")


def test_an_answer_of_zero_is_an_answer() -> None:
    assert read_candidate(1, {"gold": 0, "answer": 0}, {}) == Candidate(1, "", "0", "0")


def test_another_verifier_is_taken_by_its_name(tmp_path: Path) -> None:
    rows = [{"gold": "100", "solution": "Answer: 100.4"}, {"gold": "100", "solution": "Answer: 101"}]
    file, out = tmp_path / "doses.jsonl", tmp_path / "verdicts.jsonl"
    write_rows(file, rows)
    asked = ["verify", str(file), "--json", str(out), "--verifier", "numeric", "--option", "tolerance=0.5"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert [row["verdict"] for row in read_rows(out)] == ["correct", "wrong"]
    for wrong, said in ((["--verifier", "numerik"], "did you mean numeric"), (["--option", "x=1"], "no field x")):
        found = CliRunner().invoke(app, ["verify", str(file), *wrong])
        assert found.exit_code == 2 and said in " ".join(found.output.replace("│", "").split())


def test_a_cell_that_says_no_is_no_yes(tmp_path: Path) -> None:
    file, out = tmp_path / "rows.csv", tmp_path / "verdicts.jsonl"
    said = ("True", "False", "", "0", "perhaps")
    file.write_text("gold,solution,finished\n" + "".join(f"5,\\boxed{{5}},{one}\n" for one in said), encoding="utf-8")
    done = CliRunner().invoke(app, ["verify", str(file), "--json", str(out), "--processes", "1"])
    assert done.exit_code == 1
    assert [row["verdict"] for row in read_rows(out)] == ["correct", "no_answer", "no_answer", "no_answer"]
    assert "line 6: field 'finished': is neither true nor false: 'perhaps'" in done.output


def test_of_a_folder_the_file_is_named_and_every_id_is_there_once(tmp_path: Path) -> None:
    folder, out = tmp_path / "rows", tmp_path / "verdicts.jsonl"
    right = {"gold": "5", "solution": r"\boxed{5}"}
    write_rows(folder / "a.jsonl", [right | {"id": 7}, right | {"id": "7"}, right])
    write_rows(folder / "b.jsonl", [right | {"id": 7}, right, {"id": "c", "solution": "5", "note": "none"}])
    done = CliRunner().invoke(app, ["verify", str(folder), "--json", str(out), "--processes", "1"])
    assert done.exit_code == 1
    assert [row["id"] for row in read_rows(out)] == [7, "7#2", "a.jsonl, line 3", "7#3", "b.jsonl, line 2"]
    said = " ".join(done.output.split())
    assert "b.jsonl, line 3, row c: field 'gold': is missing" in said
    assert "The row has id, solution, note: --map gold=FIELD names it" in said
    (bad,) = read_rows(tmp_path / "verdicts.quarantine.jsonl")
    assert (bad["file"], bad["id"], bad["field"]) == ("b.jsonl", "c", "gold")


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("gold,solution\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["verify", str(tmp_path / "rows.csv")], env={"COLUMNS": "400"})
    assert done.exit_code == 2 and "the file holds no row" in done.output


def test_advice_is_the_verifiers_own(tmp_path: Path) -> None:
    (tmp_path / "any.json").write_text("{}")
    write_rows(tmp_path / "rows.jsonl", [{"gold": "{}", "solution": "none"}, {"gold": "none", "solution": "{}"}])
    words = ["verify", str(tmp_path / "rows.jsonl"), "--verifier", "json_schema", "--option"]
    done = CliRunner().invoke(app, [*words, f"schema_file={tmp_path / 'any.json'}"], env={"COLUMNS": "200"})
    assert done.exit_code == 0 and "box" not in done.output
    assert "ask for one JSON object" in done.output and "write `gold` as the verifier takes it" in done.output
