"""Backslashes that JSON took for escapes are put back where that is certain; in doubt the row is set aside."""

import json
from pathlib import Path

import pytest

from tasks.rows.reader.bad_row import BadRow
from tasks.rows.reader.json_rows import escaped
from tasks.rows.reader.reader import Demonstration, Reader
from tasks.rows.reader.repair import repaired

LATEX = [
    r"\frac{1}{2}",
    r"\boxed{7}",
    r"\beta",
    r"\binom{4}{2}",
    r"\begin{cases}",
    r"\text{cm}",
    r"\times 3",
    r"\theta",
    r"\triangle ABC",
    r"\textbf{A}",
    r"\neq 0",
    r"\nabla f",
    r"\right)",
    r"\rfloor",
    r"\forall x",
    r"\tfrac12",
    r"\bar{x}",
]


@pytest.mark.parametrize("command", LATEX)
def test_a_command_that_json_took_for_an_escape_comes_back(command: str) -> None:
    damaged = json.loads(f'"Let $x = {command}$"')
    assert damaged != f"Let $x = {command}$"
    assert repaired(damaged, "solution") == f"Let $x = {command}$"


@pytest.mark.parametrize(
    "text", ["First.\nThen\tcolumns\nu = 3\r\nand\te", "a\n\nb", "\tan apple", "\f\nChapter", "x\ne"]
)
def test_texts_with_tabs_and_line_ends_stay_as_they_are(text: str) -> None:
    assert repaired(text, "solution") == text


@pytest.mark.parametrize("text", ["$\frac{1}{2}$ and $\tan x$", "$\frac{1}{2}$\nu = 3", "a backspace \b here", "\fgh"])
def test_in_doubt_the_row_is_set_aside(text: str) -> None:
    with pytest.raises(BadRow, match="write backslashes in JSON as"):
        repaired(text, "solution")


def test_zero_bytes_go() -> None:
    assert repaired("7\0", "solution") == "7"


def test_a_line_with_backslashes_that_are_no_escapes_is_read_with_them(tmp_path: Path) -> None:
    good = '{"problem": "Half of $\\sqrt{2}$?", "solution": "$\\frac{\\sqrt{2}}{2}$, \\(x\\)"}'
    doubtful = '{"problem": "Is $\\sqrt{2} > \\tan 1$?", "solution": "no"}'
    for name, text in (("a.jsonl", f"{good}\n{doubtful}"), ("a.json", f"[{good}, {doubtful}{' ' * 99}]")):
        (tmp_path / name).write_text(text)
        row, bad = Reader(tmp_path / name)
        assert isinstance(row, Demonstration)
        assert (row.question, row.solution) == ("Half of $\\sqrt{2}$?", "$\\frac{\\sqrt{2}}{2}$, \\(x\\)")
        assert not isinstance(bad, Demonstration) and bad.field == "question"


def test_what_is_escaped_rightly_is_not_touched() -> None:
    text = json.dumps({"a": r"\sqrt \\ \u0041 \" /", "b": "\n\t\u2028"})
    assert escaped(text) == text
    assert json.loads(escaped(r'"\sqrt\u12"')) == r"\sqrt\u12"
