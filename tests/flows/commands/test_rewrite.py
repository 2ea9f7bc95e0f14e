"""`rewriting-agent rewrite`: a user's file through vLLM and the gate, rows in, rows out."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from flows.experiment import load_experiment
from tasks.rows.jsonl import read_rows, write_rows
from tasks.runtime.settings import settings
from tasks.runtime.store.store import Store
from tests.conftest import ROOT
from tests.flows.commands.agents import publish_agent

CORPUS = ROOT / "infra" / "nano" / "corpora" / "open_math_reasoning.jsonl.gz"
ROWS = [{**row, "mine": number} for number, row in enumerate(islice(read_rows(CORPUS), 12))]


def call(*arguments: str, store: Path | None = None, folder: Path = ROOT) -> dict[str, Any]:
    """What subprocess is told to run `rewriting-agent rewrite`."""
    environment = os.environ | {"COLUMNS": "200"} | ({} if store is None else {"REWRITING_AGENT_STORE": str(store)})
    command = [sys.executable, "-m", "flows", "rewrite", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return {"args": command, "cwd": folder, "env": environment, "text": True, **pipes}


def rewrite(*arguments: str, store: Path | None = None, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**call(*arguments, store=store, folder=folder), timeout=300)


@pytest.mark.slow
def test_every_row_comes_out_with_a_target_that_was_verified_or_is_the_experts(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    write_rows(file, [*ROWS, {"problem": "no solution"}])
    done = rewrite(file.name, "--backbone", "nano", folder=tmp_path)  # from wherever the file is
    assert done.returncode == 0, done.stderr
    rows = list(read_rows(tmp_path / "mine.rewritten.jsonl"))
    assert [row["mine"] for row in rows] == [row["mine"] for row in ROWS]
    assert any(row["kind"] == "rewrite" for row in rows)
    for row, given in zip(rows, ROWS, strict=True):
        assert given.items() <= row.items()
        assert (row["kind"] == "rewrite") == (row["verdict"]["passed"] is True) == (row["fallback_reason"] is None)
        assert row["kind"] == "rewrite" or row["target"] == given["generated_solution"]
    (bad,) = read_rows(tmp_path / "mine.rewritten.quarantine.jsonl")
    assert (bad["where"], bad["field"]) == ("line 13", "solution")
    assert "1 rows set aside" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        "mine.jsonl",
        "mine.rewritten.jsonl",
        "mine.rewritten.quarantine.jsonl",
    }, "nothing of the work is left"


@pytest.mark.slow
def test_drawn_rewrites_are_others_than_the_likeliest_and_come_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    write_rows(file, ROWS)
    targets = []
    for name, *drawn in (("greedy",), ("drawn", "--temperature", "1"), ("again", "--temperature", "1")):
        done = rewrite(str(file), "--backbone", "nano", "--out", str(tmp_path / name), *drawn)
        assert done.returncode == 0, done.stderr
        targets.append([row["target"] for row in read_rows(tmp_path / name)])
    greedy, first, second = targets
    assert first == second != greedy


def test_what_decodes_greedily_is_not_drawn_from(tmp_path: Path) -> None:
    backbone, file = _of_small_blocks(tmp_path, hint=0.5), tmp_path / "mine.jsonl"
    write_rows(file, ROWS)
    done = rewrite(str(file), "--backbone", str(backbone), "--temperature", "1")
    assert done.returncode == 1 and "hint decodes greedily: set temperature=0, or no hint" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"mine.jsonl", "mine.yaml"}


def test_what_is_no_adapter_is_refused_before_any_work(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    write_rows(file, ROWS)
    done = rewrite(str(file), "--adapter", str(tmp_path))
    assert done.returncode == 2
    assert "adapter_config.json" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.jsonl"]


def test_a_backbone_that_cannot_be_had_leaves_nothing_behind(tmp_path: Path) -> None:
    file, model = tmp_path / "mine.jsonl", tmp_path / "model"
    write_rows(file, ROWS)
    model.mkdir()
    done = rewrite(str(file), "--backbone", str(model))
    assert done.returncode == 1
    assert "config.json" in done.stderr and "is it a transformers model folder?" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"mine.jsonl", "model"}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEFT folder of random weights, none of whose rewrites passes."""
    folder = tmp_path_factory.mktemp("agent") / "adapter"
    python = settings().environments / "inference" / "bin" / "python"
    subprocess.run([python, "-m", "tests.flows.commands.agents", folder], cwd=ROOT, check=True, timeout=300)
    return folder


@pytest.mark.slow
def test_an_agent_by_its_key_rewrites_on_the_backbone_of_its_manifest(tmp_path: Path, adapter: Path) -> None:
    home = Store(tmp_path / "store")
    publish_agent(home, adapter, load_experiment("nano").backbone.source())
    file = tmp_path / "mine.jsonl"
    write_rows(file, ROWS)
    done = rewrite(str(file), "--adapter", "a9a9", store=home.root)
    assert done.returncode == 0, done.stderr
    assert "adapter on nano" in done.stdout
    rows = list(read_rows(tmp_path / "mine.rewritten.jsonl"))
    assert [row["target"] for row in rows] == [row["generated_solution"] for row in ROWS]
    assert {row["kind"] for row in rows} == {"expert"}, "nano itself rewrites some of them well: the first test"
    assert all(row["fallback_reason"] for row in rows)


@pytest.mark.slow
def test_a_killed_command_goes_on_from_the_rows_that_were_done(tmp_path: Path) -> None:
    backbone, file, out = _of_small_blocks(tmp_path), tmp_path / "mine.jsonl", tmp_path / "mine.rewritten.jsonl"
    rows = [{**row, "mine": number} for number, row in enumerate(islice(read_rows(CORPUS), 60))]
    write_rows(file, rows)
    with subprocess.Popen(**call(str(file), "--backbone", str(backbone))) as killed:
        try:
            _wait_for(lambda: next(tmp_path.glob(".*/rewrites/scratch/blocks/*.jsonl"), None), killed)
        finally:
            killed.kill()  # -9
    (work,) = tmp_path.glob(".mine.rewritten.jsonl.*")
    _wait_for(lambda: not _processes_of(work))
    done = sorted((work / "rewrites" / "scratch" / "blocks").glob("[0-9]*.jsonl"))
    assert 0 < len(done) < 15 and not out.exists()
    for block in done:  # so that what was done before can be told from what is done now
        write_rows(block, ({**row, "text": "Before. " + row["text"]} for row in read_rows(block)))
    before = {row["id"] for block in done for row in read_rows(block)}

    resumed = rewrite(str(file), "--backbone", str(backbone))
    assert resumed.returncode == 0, resumed.stderr
    written = list(read_rows(out))
    assert [row["mine"] for row in written] == list(range(60)), "every row once, in the file's order"
    kept = {f"line {row['mine'] + 1}" for row in written if row["target"].startswith("Before. ")}
    rewritten = {f"line {row['mine'] + 1}" for row in written if row["kind"] == "rewrite"}
    assert kept == before & rewritten and kept and rewritten - before
    assert not work.exists()


def _of_small_blocks(folder: Path, **changes: Any) -> Path:
    """nano in blocks of four rows, so that a kill finds some done; `changes` of its rewriting."""
    small_blocks = yaml.safe_load((ROOT / "infra" / "backbones" / "nano.yaml").read_text())
    small_blocks["rewrite"] |= {"block": 4, "batch": 4} | changes
    (folder / "mine.yaml").write_text(yaml.safe_dump(small_blocks))
    return folder / "mine.yaml"


@pytest.mark.slow
def test_rows_that_were_cut_off_are_asked_again_alone_and_a_kill_loses_nothing(tmp_path: Path) -> None:
    backbone, file, out = _of_small_blocks(tmp_path), tmp_path / "mine.jsonl", tmp_path / "mine.rewritten.jsonl"
    write_rows(file, [{**row, "mine": number} for number, row in enumerate(islice(read_rows(CORPUS), 60))])
    first = rewrite(str(file), "--backbone", str(backbone), "--max-new-tokens", "34")
    assert first.returncode == 0, first.stderr
    short = list(read_rows(out))
    cut = {row["mine"] for row in short if row["fallback_reason"] == "cut off"}
    assert 4 < len(cut) < 60, "some rows are cut off, some are not"
    # What was finished can be told from what is sampled again.
    for row in short:
        row["target"] = row["target"] if row["mine"] in cut else "Before. " + row["target"]
    write_rows(out, short)
    before = out.read_bytes()

    again = (str(file), "--backbone", str(backbone), "--rerun", "truncated", "--max-new-tokens", "96")
    with subprocess.Popen(**call(*again)) as killed:
        try:
            _wait_for(lambda: next(tmp_path.glob(".*/rewrites/scratch/blocks/*.jsonl"), None), killed)
        finally:
            killed.kill()  # -9
    (work,) = tmp_path.glob(".mine.rewritten.jsonl.*")
    _wait_for(lambda: not _processes_of(work))
    assert out.read_bytes() == before
    assert len(list(read_rows(work / "rows" / "rows.jsonl"))) == len(cut)

    _of_small_blocks(tmp_path, batch=2)  # what is only speed may change meanwhile
    resumed = rewrite(*again)
    assert resumed.returncode == 0, resumed.stderr
    written = list(read_rows(out))
    assert [row["mine"] for row in written] == list(range(60)), "every row once, in the file's order"
    for row, was in zip(written, short, strict=True):
        if row["mine"] not in cut:
            assert row == was
    assert sum(row["mine"] in cut and row["kind"] == "rewrite" for row in written) > 0
    assert not any(row["fallback_reason"] == "cut off" for row in written if row["mine"] in cut)
    assert not work.exists()

    nothing = rewrite(*again)
    assert nothing.returncode == 0 and "nothing to ask again" in nothing.stdout


def test_asking_again_needs_an_output_and_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    write_rows(file, ROWS)
    no_limit = rewrite(str(file), "--rerun", "truncated")
    assert no_limit.returncode == 2 and "--max-new-tokens" in no_limit.stderr
    no_output = rewrite(str(file), "--rerun", "truncated", "--max-new-tokens", "96")
    assert no_output.returncode == 2 and "is not there" in no_output.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.jsonl"]


def _processes_of(work: Path) -> list[int]:
    """Engines that were started with a spec in `work`."""
    lines = {process.pid: process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])}
    return [pid for pid, line in lines.items() if any(str(work) in word for word in line)]


def _wait_for(condition: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Until `condition` holds, at most 200 s and, where one is given, as long as `process` runs."""
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.005)
