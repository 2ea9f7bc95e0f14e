"""The scoring engine as the stage starts it: rows in, one score a row out, and calm about what cannot be scored."""

import json
import sys
from pathlib import Path

import pytest

from tasks.generation.variables import engine_variables
from tasks.rows.jsonl import read_rows, write_rows
from tasks.score.config import ScoreConfig
from tests.tasks import engines

pytestmark = pytest.mark.inference

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    from tests.tasks.score.tiny_model import save_tiny_model

    return save_tiny_model(tmp_path_factory.mktemp("backbone"))


def write_spec(out, backbone, rows, rewrites=None, processes=1, **config):
    from tasks.score.spec import ScoreSpec

    (out / "scratch").mkdir(parents=True)
    given = {"backbone": backbone, "rows": rows, "rewrites": rewrites, "out": out}
    given["engines"] = [{"OMP_NUM_THREADS": "1"}] * processes if processes > 1 else []
    spec = ScoreSpec(config=ScoreConfig(**config), cuda=False, **given)
    path = out / "scratch" / "spec.json"
    path.write_text(spec.model_dump_json())
    return path


def forked(spec, log):
    """The status of the engine as its stage starts it."""
    return engines.forked("tasks.score.engine", [str(spec)], log, engine_variables(cuda=False)).wait()


@pytest.fixture
def run_engine(monkeypatch):
    def run(*args, **config):
        from tasks.score.engine import main

        monkeypatch.setattr(sys, "argv", ["engine", str(write_spec(*args, **config))])
        main()

    return run


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    made = [
        {"id": f"r{i}", "question": f"{i} + 5 ?", "solution": f"so {i} + 5 = {i + 5}" + " .." * i} for i in range(9)
    ]
    write_rows(path, [*made, {"id": "none", "question": "?", "solution": ""}])
    return path


def test_every_row_is_scored_once_or_skipped_with_a_reason(run_engine, tmp_path, backbone, rows):
    run_engine(tmp_path, backbone, rows, max_skipped_share=0.2)
    scores = list(read_rows(tmp_path / "scores.jsonl", ["id", "nll", "tokens"]))
    assert [row["id"] for row in scores] == [f"r{i}" for i in range(9)]
    assert list(read_rows(tmp_path / "skipped.jsonl")) == [{"id": "none", "reason": "has no target text"}]
    metrics = json.loads((tmp_path / "scratch" / "metrics.json").read_text())
    assert metrics["rows"] == 10 and metrics["scored"] == 9 and metrics["skipped"] == 1
    assert metrics["nll"] == pytest.approx(sum(row["nll"] for row in scores) / 9)


def test_too_many_skipped_rows_stop_the_stage(run_engine, tmp_path, backbone, rows):
    with pytest.raises(SystemExit, match="1 of 10 rows cannot be scored"):
        run_engine(tmp_path, backbone, rows, max_skipped_share=0.05)


def test_rewrites_are_joined_by_id_and_scored_as_they_ended(run_engine, tmp_path, backbone, rows):
    rewrites = tmp_path / "rewrites.jsonl"
    texts = [
        {"id": "r4", "text": "so 9", "finished": False, "tokens": 3},
        {"id": "r1", "text": "so 6", "finished": True, "tokens": 4},
    ]
    write_rows(rewrites, texts)
    run_engine(tmp_path, backbone, rows, rewrites)
    scores = {row["id"]: row for row in read_rows(tmp_path / "scores.jsonl")}
    assert set(scores) == {"r1", "r4"}
    assert scores["r1"]["tokens"] == scores["r4"]["tokens"] + 1


@pytest.mark.slow
def test_vllm_gives_the_same_scores(run_engine, tmp_path, backbone, rows):
    run_engine(tmp_path / "plain", backbone, rows, max_skipped_share=0.2)
    spec = write_spec(tmp_path / "vllm", backbone, rows, max_skipped_share=0.2, engine="vllm")
    assert forked(spec, tmp_path / "log") == 0, (tmp_path / "log").read_text()[-3000:]
    expected = {row["id"]: row["nll"] for row in read_rows(tmp_path / "plain" / "scores.jsonl")}
    found = {row["id"]: row["nll"] for row in read_rows(tmp_path / "vllm" / "scores.jsonl")}
    assert found == pytest.approx(expected, abs=2e-5)


def test_bfloat16_rounds_the_scores(run_engine, tmp_path, backbone, rows):
    found = {}
    for dtype in ("auto", "bfloat16"):
        run_engine(tmp_path / dtype, backbone, rows, max_skipped_share=0.2, dtype=dtype)
        found[dtype] = {row["id"]: row["nll"] for row in read_rows(tmp_path / dtype / "scores.jsonl")}
    assert found["auto"] != found["bfloat16"] == pytest.approx(found["auto"], rel=0.02)


def test_two_processes_give_what_one_gives_unpacked(run_engine, tmp_path, backbone):
    rows = tmp_path / "rows.jsonl"
    made = [{"id": f"r{i}", "question": f"{i} ?", "solution": "so" + " .." * (i * i % 31)} for i in range(1300)]
    write_rows(rows, made)
    run_engine(tmp_path / "one", backbone, rows, packing=False)

    spec = write_spec(tmp_path / "two", backbone, rows, processes=2)
    assert forked(spec, tmp_path / "log") == 0, (tmp_path / "log").read_text()[-3000:]

    one, two = (list(read_rows(tmp_path / name / "scores.jsonl")) for name in ("one", "two"))
    assert [row["id"] for row in two] == [row["id"] for row in one] == [row["id"] for row in made]
    assert [row["nll"] for row in two] == pytest.approx([row["nll"] for row in one], abs=1e-5)
    metrics = [json.loads((tmp_path / name / "scratch" / "metrics.json").read_text()) for name in ("one", "two")]
    assert metrics[1] == pytest.approx(metrics[0], abs=1e-5)


@pytest.mark.slow
def test_a_process_that_fails_ends_the_others_and_the_engine(tmp_path, backbone):
    rows = tmp_path / "rows.jsonl"
    write_rows(rows, [{"id": f"r{i}", "question": "?", "solution": "so"} for i in range(600)])
    spec = write_spec(tmp_path / "out", backbone, rows, processes=2)
    blocks = tmp_path / "out" / "scratch" / "blocks-512"
    blocks.mkdir(parents=True)
    (blocks / "counts.json").write_text('{"rows": 600, "skipped": 0}')
    (blocks / "laid_out.json").write_text("600")
    (blocks / "000000.targets.jsonl").write_text("no JSON")
    assert forked(spec, tmp_path / "log") == 1
    said = (tmp_path / "log").read_text()
    assert "a worker of tasks.score.engine ended with 1" in said and "000000.targets.jsonl" in said
