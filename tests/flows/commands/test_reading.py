"""What the commands tell of a file of the user's own: what was taken, one row as understood, and why one is refused."""

import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from flows.cli import app
from flows.commands.reading import open_reader, show_understood, survey
from flows.commands.rewritten import _written
from flows.commands.score import evenly
from tasks.rows.jsonl import RowError, read_rows, write_rows
from tasks.rows.reader.reader import Demonstration, Reader

ALPACA = {"instruction": "Find the mean of [b].", "input": "4, 8, 15", "output": "It is 9."}


def test_the_shape_and_one_row_are_shown_as_they_were_understood(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    write_rows(file, [ALPACA | {"id": 1}, ALPACA | {"id": 1}, {"problem": "q", "solution": "s\0"}, {"text": "none"}])
    reader = open_reader(file, None, None)
    first, bad = survey(reader, file)
    console = Console(record=True, width=120)
    show_understood(console, reader, first)
    told = console.export_text()
    assert "2 rows read as instruction + input → output" in told and "1 rows read as problem → solution" in told
    assert "Find the mean of [b]." in told and "4, 8, 15" in told, "markup in the user's text is text"
    assert "1 rows repeat an id" in told and "1 rows were mended" in told
    assert [one.where for one in bad] == ["line 4"]


@pytest.mark.parametrize("command", ["score", "rewrite", "verify"])
@pytest.mark.parametrize(
    ("name", "content", "arguments", "says"),
    [
        ("a.jsonl.gz", b"\x1f\x8b\x08 broken", [], "is cut off or broken"),
        ("a.parquet", b"", [], "is empty (0 bytes)"),
        ("none.jsonl", None, [], "is no file or folder"),
        ("a.jsonl", b'{"question": "q", "solution": "s", "gold": "1"}', ["--map", "target=x"], "write part=field"),
        ("a.jsonl", b'{"question": "q", "solution": "s", "gold": "1"}', ["--encoding", "x"], "there is no encoding"),
    ],
)
def test_a_file_or_mapping_that_cannot_be_used_is_told_in_one_sentence(
    tmp_path: Path, command: str, name: str, content: bytes | None, arguments: list[str], says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = CliRunner().invoke(app, [command, str(tmp_path / name), *arguments], env={"COLUMNS": "400"})
    assert done.exit_code == 2
    assert says in " ".join(done.output.split())
    assert [path.name for path in tmp_path.iterdir()] == ([] if content is None else [name]), "nothing is begun"


@pytest.mark.parametrize("command", ["score", "rewrite"])
def test_a_file_without_a_usable_row_names_the_first_reason(tmp_path: Path, command: str) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"forum_post": "q"}))
    done = CliRunner().invoke(app, [command, str(tmp_path / "a.jsonl")], env={"COLUMNS": "600"})
    assert done.exit_code == 2
    said = " ".join(done.output.split())
    assert "no row can be used; first: line 1" in said and "--map question=FIELD" in said


def test_verify_reads_other_names_and_kinds_and_sets_odd_rows_aside(tmp_path: Path) -> None:
    file, out = tmp_path / "rows.csv", tmp_path / "verdicts.jsonl"
    file.write_text("id,right,response\na,7,\\boxed{7}\nb,n/a,\\boxed{7}\nc,8,\\boxed{7}\n")
    done = CliRunner().invoke(app, ["verify", str(file), "--map", "gold=right", "--json", str(out), "--processes", "1"])
    assert done.exit_code == 1
    assert [(row["id"], row["verdict"]) for row in read_rows(out)] == [("a", "correct"), ("c", "wrong")]
    (bad,) = read_rows(tmp_path / "verdicts.quarantine.jsonl")
    assert (bad["where"], bad["field"]) == ("line 3", "gold")


def test_a_sample_is_spread_evenly_over_the_file(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.jsonl", ({"id": str(n), "question": "q", "target": "t"} for n in range(100)))
    reader = Reader(tmp_path / "a.jsonl")
    assert sum(1 for _ in reader) == reader.counts.usable == 100
    assert [row.id for row in evenly(reader, 10)] == [str(n) for n in range(0, 100, 10)]
    assert len(evenly(reader, 1000)) == 100


def test_rewritten_rows_are_joined_with_the_file_by_their_ids(tmp_path: Path) -> None:
    from collections import Counter

    rows = [ALPACA | {"id": 7}, ALPACA | {"id": 7}, ALPACA]
    write_rows(tmp_path / "mine.jsonl", rows)
    reader = Reader(tmp_path / "mine.jsonl")
    made = {"target": "t", "kind": "rewrite", "verdict": None, "fallback_reason": None}
    write_rows(tmp_path / "made.jsonl", [made | {"id": one.id} for one in reader if isinstance(one, Demonstration)])
    written = list(_written(reader, tmp_path / "made.jsonl", Counter()))
    assert [row["id"] for row in written] == [7, "7#2", "line 3"], "an id that is unique comes back as it was"
    assert all(row | ALPACA == row for row in written)
    write_rows(tmp_path / "mine.jsonl", rows[1:])
    with pytest.raises(RowError, match="the file changed"):
        list(_written(reader, tmp_path / "made.jsonl", Counter()))
