"""The engine of hinted decoding on nano: two engines write the bytes of one."""

from pathlib import Path

import pytest

from tasks.generation.variables import engine_variables
from tasks.rows.jsonl import read_rows
from tests.tasks import engines
from tests.tasks.rewrite.test_vllm_engine import ROWS, spec_of

pytestmark = [pytest.mark.inference, pytest.mark.timeout(1800)]

MODULE = "tasks.rewrite.hinted_engine"


def test_two_engines_write_the_bytes_of_one(tmp_path: Path) -> None:
    made: dict[int, bytes] = {}
    for at_work in (1, 2):
        out = tmp_path / str(at_work)
        spec = spec_of(out, ROWS[:12], at_work=at_work, hint=3.0, max_new_tokens=40)
        engines.run(MODULE, spec, out, engine_variables(cuda=False))
        made[at_work] = (out / "rewrites.jsonl").read_bytes()
    assert made[1] == made[2]
    rows = list(read_rows(tmp_path / "2" / "rewrites.jsonl"))
    assert [row["id"] for row in rows] == [row["id"] for row in ROWS[:12]] and all(row["tokens"] for row in rows)
