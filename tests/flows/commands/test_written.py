"""No command writes over what it reads, and a place where no file can lie is told before any work."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.rows.jsonl import write_rows

ROW = {"id": 1, "question": "What is 3 + 4?", "solution": r"\boxed{7}", "gold": "7", "reasoning_correct": True}
WRITING = {
    "verify": ("--json",),
    "overlaps": ("--json",),
    "score": ("--json",),
    "rewrite": ("--out",),
    "judge-eval": ("--json", "--verdicts"),
}
EACH = [(command, option) for command, options in WRITING.items() for option in options]


def said(*words: str | Path) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "400"})
    assert done.exit_code == 2, done.output
    return " ".join(done.output.replace("│", "").split())


@pytest.mark.parametrize(("command", "option"), EACH)
def test_what_is_read_is_not_written_over(tmp_path: Path, command: str, option: str) -> None:
    file, folder, link = tmp_path / "mine.jsonl", tmp_path / "rows", tmp_path / "link.jsonl"
    write_rows(file, [ROW])
    write_rows(folder / "a.jsonl", [ROW])
    link.symlink_to(file)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")}
    for out in (file, link, Path(os.path.relpath(file))):
        assert "would be written over what is read" in said(command, file, option, out)
    assert "lies in the folder that is read" in said(command, folder, option, folder / "more" / "out.jsonl")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")} == before


@pytest.mark.parametrize(("command", "option"), [one for one in EACH if one[0] in ("verify", "overlaps", "rewrite")])
def test_rows_set_aside_are_not_written_over_what_is_read(tmp_path: Path, command: str, option: str) -> None:
    file = tmp_path / "mine.quarantine.jsonl"
    write_rows(file, [ROW, {"text": "none"}])
    assert "would be written over what is read" in said(command, file, option, tmp_path / "mine.jsonl")


@pytest.mark.parametrize(("command", "option"), [*EACH, ("run", "--json"), ("plan", "--json"), ("tables", "--out")])
def test_a_place_where_no_file_can_lie_is_told_before_any_work(tmp_path: Path, command: str, option: str) -> None:
    file = tmp_path / "mine.jsonl"
    write_rows(file, [ROW])
    read = [file] if command in WRITING else []
    assert f"{tmp_path} is a folder: name a file in it" in said(command, *read, option, tmp_path)
    assert f"{file} is a file, and nothing can lie in it" in said(command, *read, option, file / "out.jsonl")
