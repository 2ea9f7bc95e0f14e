"""An agent is shown by where its training began and ended."""

from pathlib import Path

import pytest

from tasks.rows.jsonl import Row
from tasks.runtime.store.store import Manifest, Store
from tasks.train_agent.step_log import report_step, summary
from tasks.train_agent.view import FIGURES, view


def shown_of(rows: list[Row], home: Path) -> str:
    metrics = summary(rows) | {"kept": 56}
    return view({"": Manifest(kind="train_agent", key="a" * 32, metrics=metrics)}, Store(home))


def test_every_figure_of_the_manifest_has_its_line(tmp_path: Path) -> None:
    rows = [dict.fromkeys(FIGURES, float(step)) | {"groups": 1, "seconds": 2.0} for step in range(1, 11)]
    shown = shown_of(rows, tmp_path)
    lines = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(FIGURES) and all(line.endswith("| 2 | 9 |") for line in lines[2:])
    assert "10 steps on 56 rows, 20 s." in shown


def test_groups_that_teach_nothing_are_told_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = dict.fromkeys(FIGURES, 0.1) | {"step": 1, "reward": 0.1, "seconds": 2.0, "groups": 8}
    for silent, told in ((4, False), (5, True)):
        row = figures | {"groups_without_signal": silent}
        assert ("lower `train_agent.temperature`" in shown_of([row], tmp_path)) is told
        report_step(row, 12)
        assert ('"groups_without_signal": 0.625' in capsys.readouterr().out) is told
