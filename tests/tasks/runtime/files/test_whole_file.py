"""A file is there whole or not at all."""

import json
from pathlib import Path

import pytest

from tasks.rows.jsonl import read_rows, write_rows
from tasks.runtime.files.whole_file import whole, write_json


def test_an_error_while_writing_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "figures.json"
    write_json(path, {"n": 1})
    with pytest.raises(RuntimeError), whole(path) as file:
        file.write("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"n": 1}


def test_rows_are_written_all_or_none(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    assert write_rows(path, [{"id": "a"}, {"id": "b"}]) == 2
    with pytest.raises(TypeError):
        write_rows(path, [{"id": "c"}, {"id": object()}])
    assert [row["id"] for row in read_rows(path)] == ["a", "b"]
