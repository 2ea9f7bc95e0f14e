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
    assert "3 rows, 240 questions of nano_new_kinds" in done.output
    assert f"1 rows set aside in {tmp_path / 'found.quarantine.jsonl'}; first: line 4" in done.output
    assert [row["where"] for row in read_rows(tmp_path / "found.quarantine.jsonl")] == ["line 4"]


def test_without_a_backbone_the_papers_benchmarks_are_compared_with_or_asked_for(tmp_path: Path) -> None:
    """Nano's benchmarks are synthetic: that nothing of a file of one's own is in them says nothing."""
    write_rows(tmp_path / "mine.jsonl", [{"question": "What is 3 + 4?", "solution": "It is 7."}])
    words = ["overlaps", str(tmp_path / "mine.jsonl"), "--data", str(tmp_path)]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "600"})
    assert done.exit_code == 2, done.output
    said = " ".join(done.output.replace("│", "").split())
    assert "amc23.jsonl.gz does not exist" in said and "--data FOLDER" in said
    assert "Asked for are amc23, agieval_math, imo_answerbench, math500, minerva_math, mmlu, mmlu_pro, agieval" in said
    done = CliRunner().invoke(app, [*words, "--backbone", "nano"], env={"COLUMNS": "400"})
    assert done.exit_code == 0 and "nano_new_kinds" in done.output, done.output
