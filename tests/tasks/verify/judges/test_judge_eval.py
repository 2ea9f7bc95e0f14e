"""judge-eval: the figures, their intervals, what is counted apart, and what it costs."""

import gzip
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.rows.reader.bad_row import UnreadableFile
from tasks.verify.arithmetic.arithmetic import ArithmeticJudge
from tasks.verify.judges.judge_eval import LabelledRow, evaluate, read_labelled
from tasks.verify.judges.measures import measure
from tasks.verify.types import JudgeItem


def _write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _row(solution: str, correct: Any, **more: Any) -> dict[str, Any]:
    return {"question": "How many?", "solution": solution, "reasoning_correct": correct, **more}


def test_precision_recall_and_f1_are_as_defined() -> None:
    labels = [True] * 8 + [False] * 6
    verdicts = [True] * 6 + [False, None] + [True] * 2 + [False] * 3 + [None]
    found = measure("all", labels, verdicts)
    assert (found.true_pass, found.false_stop, found.false_pass, found.true_stop) == (6, 1, 2, 3)
    assert found.rows == 14 and found.undecided == 2
    assert found.precision.value == 6 / 8 and found.recall.value == 6 / 7
    assert found.f1.value == pytest.approx(2 * (6 / 8) * (6 / 7) / (6 / 8 + 6 / 7))
    assert found.false_pass_share.value == 2 / 5 and found.accuracy.value == 9 / 12


def test_intervals_are_wilsons() -> None:
    share = measure("all", [True] * 10, [True] * 9 + [False]).recall  # 9 of 10
    assert share.low == pytest.approx(0.5958, abs=1e-4)
    assert share.high == pytest.approx(0.9821, abs=1e-4)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([True, False, None])), max_size=60))
def test_every_share_lies_in_its_interval(rows: list[tuple[bool, bool | None]]) -> None:
    found = measure("all", [label for label, _ in rows], [verdict for _, verdict in rows])
    decided = found.true_pass + found.false_pass + found.true_stop + found.false_stop
    assert decided + found.undecided == found.rows == len(rows)
    for share in (found.precision, found.recall, found.f1, found.false_pass_share, found.accuracy):
        if share.value is not None:
            assert share.low is not None and share.high is not None
            assert -1e-9 <= share.low <= share.value + 1e-9 and share.value <= share.high + 1e-9 <= 1 + 1e-6


def test_no_verdict_at_all_has_no_precision() -> None:
    found = measure("all", [True, False], [None, None])
    assert found.undecided == 2
    assert found.precision.value is None and found.f1.value is None


def test_bad_rows_are_set_aside_with_their_reason(tmp_path: Path) -> None:
    rows = [
        _row("1 + 1 = 2", True),
        "{broken\n",
        _row("", True),
        _row("1 + 1 = 3", "perhaps"),
        "[1]\n",
        _row("2", False),
    ]
    good, bad = read_labelled(_write(tmp_path / "rows.jsonl", rows))
    assert [row.item.id for row in good] == ["1", "6"]
    assert len(bad) == 4
    assert [one.where for one in bad] == ["line 2", "line 3", "line 4", "line 5"]
    assert [one.field for one in bad[1:3]] == ["solution", "reasoning_correct"]
    with pytest.raises(UnreadableFile, match="no row can be used; first: line 1"):
        read_labelled(_write(tmp_path / "bad.jsonl", ["{\n"]))


def test_the_arithmetic_judge_finds_a_changed_result_and_keeps_gold() -> None:
    if "REWRITING_AGENT_DATA" not in os.environ:
        pytest.skip("REWRITING_AGENT_DATA does not name the folder of public corpora")
    path = Path(os.environ["REWRITING_AGENT_DATA"]) / "corpora" / "numinamath_cot_subset.jsonl.gz"
    rng, rows = random.Random(0), []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        gold = [row for row in map(json.loads, lines) if row["source"] == "gsm8k"][::10]
    for n, row in enumerate(gold):
        item = JudgeItem(str(n), row["problem"], row["solution"], row["solution"])
        rows.append(LabelledRow(item, "gold", True))
        if ">>" in row["solution"]:
            at = rng.choice([at for at in range(len(row["solution"])) if row["solution"].startswith(">>", at)])
            changed = f"{row['solution'][:at]}1{row['solution'][at:]}"
            rows.append(LabelledRow(JudgeItem(f"{n}/changed", row["problem"], "", changed), "changed", False))
    found = evaluate(ArithmeticJudge(), rows)
    total = found.measures[0]
    assert total.precision.value is not None and total.precision.value > 0.99
    assert total.recall.value is not None and total.recall.value > 0.95
