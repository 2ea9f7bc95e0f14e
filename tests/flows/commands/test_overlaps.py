"""The rows that share words with a benchmark's question, listed for a person to judge."""

from pathlib import Path

from typer.testing import CliRunner

from flows.cli import app
from tasks.evaluate import benchmark
from tasks.rows.jsonl import read_rows, write_rows


def test_rows_that_share_words_are_listed_with_the_question_they_share_them_with(tmp_path: Path) -> None:
    asked = max(benchmark.rows("nano_new_kinds"), key=lambda row: len(row["question"].split()))
    assert len(asked["question"].split()) > 13
    questions = {
        "same": asked["question"].upper(),
        "hidden": f"3. {asked['question']} Show your work, and say why each step of it is right.",
        "other": "A farmer keeps twelve geese beside the river and sells their eggs on the market every second week.",
    }
    rows = [{"id": name, "question": text, "solution": "It is 4."} for name, text in questions.items()]
    write_rows(tmp_path / "mine.jsonl", rows)
    with (tmp_path / "mine.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "cut", "question": "A far')
    words = ["overlaps", str(tmp_path / "mine.jsonl"), "--benchmark", "nano_new_kinds"]
    done = CliRunner().invoke(app, [*words, "--json", str(tmp_path / "found.jsonl")], env={"COLUMNS": "400"})
    assert done.exit_code == 0, done.output
    found = {row["id"]: row for row in read_rows(tmp_path / "found.jsonl")}
    assert found.keys() == {"same", "hidden"}
    assert {name: row["reason"] for name, row in found.items()} == {"same": "the same question", "hidden": "13-gram"}
    assert all((row["score"], row["partner"]) == (1.0, asked["id"]) for row in found.values())
    assert found["hidden"]["asked"] == asked["question"] in done.output
    assert "3 rows, 240 questions" in done.output
    assert "1 rows are set aside; first: line 4" in done.output
