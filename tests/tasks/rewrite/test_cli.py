"""`rewriting-agent rewrite`: a user's file through vLLM and the gate, rows in, rows out."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from tasks.jsonl import read_rows, write_rows
from tests.conftest import ROOT

CORPUS = ROOT / "infra" / "nano" / "corpora" / "open_math_reasoning.jsonl.gz"
ROWS = [{**row, "mine": number} for number, row in enumerate(islice(read_rows(CORPUS), 12))]


def rewrite(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": "200"}
    command = [sys.executable, "-m", "flows", "rewrite", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_every_row_comes_out_with_a_target_that_was_verified_or_is_the_experts(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    write_rows(file, [*ROWS, {"problem": "no solution"}])
    done = rewrite(str(file), "--backbone", "nano")
    assert done.returncode == 0, done.stderr
    rows = list(read_rows(tmp_path / "mine.rewritten.jsonl"))
    assert [row["mine"] for row in rows] == [row["mine"] for row in ROWS]
    assert any(row["kind"] == "rewrite" for row in rows)
    for row, given in zip(rows, ROWS, strict=True):
        assert given.items() <= row.items()
        assert (row["kind"] == "rewrite") == (row["verdict"]["passed"] is True) == (row["fallback_reason"] is None)
        assert row["kind"] == "rewrite" or row["target"] == given["generated_solution"]
    (bad,) = read_rows(tmp_path / "mine.rewritten.quarantine.jsonl")
    assert (bad["line"], bad["field"]) == (13, "solution")
    assert "1 rows set aside" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        "mine.jsonl",
        "mine.rewritten.jsonl",
        "mine.rewritten.quarantine.jsonl",
    }, "nothing of the work is left"


def test_what_is_no_adapter_is_refused_before_any_work(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    write_rows(file, ROWS)
    done = rewrite(str(file), "--adapter", str(tmp_path))
    assert done.returncode == 2
    assert "adapter_config.json" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.jsonl"]
