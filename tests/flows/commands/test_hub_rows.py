"""A dataset on the hub where a file is taken: streamed at a commit; a local server speaks the hub's protocol."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.rows.hub_rows import is_id
from tasks.rows.jsonl import read_rows
from tests.conftest import ROOT
from tests.flows.hub import COMMIT, Hub

ROWS = [
    {"id": n, "question": f"{n} + 1?", "gold": str(n + 1), "solution": f"It is \\boxed{{{n + n % 2}}}."}
    for n in range(6)
]


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    table = pyarrow.Table.from_pylist(ROWS)
    pyarrow.parquet.write_table(table, buffer := pyarrow.BufferOutputStream())
    lines = "".join(json.dumps(row) + "\n" for row in ROWS[:2])
    server.repositories["me/exam"] = {"files": {"data/train-0.parquet": buffer.getvalue().to_pybytes()}}
    server.repositories["me/lines"] = {"files": {"data/test.jsonl": lines.encode()}}
    yield server
    server.shutdown()
    server.server_close()


def command(endpoint: str, home: Path, *arguments: str) -> tuple[int, str]:
    """In a process of its own: the hub's address is read when its client is imported."""
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "COLUMNS": "600"}
    done = subprocess.run(
        [sys.executable, "-m", "flows", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    return done.returncode, " ".join((done.stdout + done.stderr).replace("│", " ").split())


def test_a_dataset_is_read_at_a_commit_and_a_split_that_are_told(hub: Hub, tmp_path: Path) -> None:
    out = tmp_path / "verdicts.jsonl"
    code, said = command(hub.url, tmp_path, "verify", "me/exam", "--json", str(out), "--processes", "1")
    assert code == 0, said
    assert f"reading me/exam, split train, at --revision {COMMIT}" in said
    assert [(row["id"], row["verdict"]) for row in read_rows(out)] == [
        (n, "correct" if n % 2 else "wrong") for n in range(6)
    ]
    assert any(f"/resolve/{COMMIT}/data/train-0.parquet" in one for one in hub.requests)
    code, said = command(hub.url, tmp_path, "verify", "me/lines", "--split", "test", "--revision", COMMIT)
    assert code == 0 and "2 rows in" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["me/exam", "--split", "dev"], "Available splits: ['train']; --subset and --split name what to read"),
        (["me/none"], "the hub shows no such dataset"),
        (["me/exam", "--revision", "v2"], "has no commit v2: mend --revision"),
    ],
)
def test_what_the_hub_does_not_have_is_told(hub: Hub, tmp_path: Path, arguments: list[str], says: str) -> None:
    code, said = command(hub.url, tmp_path, "score", *arguments)
    assert code == 2 and says in said


def test_without_a_connection_it_is_said_what_to_type(tmp_path: Path) -> None:
    code, said = command("http://127.0.0.1:9", tmp_path, "rewrite", "me/exam")
    assert code == 2 and "copy the files to this machine and name their folder" in said
    assert "no file or folder me/exam here, and as a dataset on the hub me/exam: could not be fetched" in said


def test_files_are_never_taken_for_datasets(tmp_path: Path) -> None:
    assert is_id("openai/gsm8k") and not any(map(is_id, ("gsm8k", "./a/b", "/a/b", "a/b/c", "../b", ".a/b")))
    for name in ("data/mine.jsonl", "data/mine.csv.gz"):
        done = CliRunner().invoke(app, ["verify", name], env={"COLUMNS": "400"})
        assert done.exit_code == 2 and "is no file or folder" in done.output
    (tmp_path / "a.jsonl").write_text("{}")
    done = CliRunner().invoke(app, ["verify", str(tmp_path / "a.jsonl"), "--revision", "x"], env={"COLUMNS": "400"})
    assert done.exit_code == 2 and "on this machine" in done.output
