"""Sampled rewrites reach the UI a step at a time, as data, and a dead server costs nothing."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tasks.runtime.progress.progress import Progress, handled_by, report
from tasks.train_agent import samples_view
from tasks.train_agent.samples_view import LONGEST, SamplesView

ROW = {
    "id": "r1",
    "question": "How many?",
    "expert": "x" * 2000,
    "rewrite": "<b>[5](javascript:alert(1))</b>",
    "passed": True,
    "nll": 0.123456,
    "r_dist": 0.5,
    "r_div": 0.0,
    "total": 1.5,
}


def write(out: Path, step: int) -> None:
    with (out / "samples.jsonl").open("a") as file:
        file.writelines(json.dumps({"step": step} | ROW) + "\n" for _ in range(2))


def test_each_step_with_samples_is_shown_once_and_progress_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[list[dict[str, Any]], str]] = []
    monkeypatch.setattr(samples_view.TaskRunContext, "get", classmethod(lambda cls: object()))
    monkeypatch.setattr(
        samples_view, "create_table_artifact", lambda table, key, description: shown.append((table, description))
    )
    seen: list[Progress] = []
    with handled_by(seen.append), handled_by(SamplesView(tmp_path)):
        report(0, 3)
        write(tmp_path, 1)
        report(1, 3)
        report(2, 3)
        write(tmp_path, 3)
        report(3, 3)
    assert [one.done for one in seen] == [0, 1, 2, 3]
    assert [(len(table), title[:18]) for table, title in shown] == [
        (2, "Rewrites of step 1"),
        (2, "Rewrites of step 3"),
    ]
    (row, _), _ = shown[0]
    assert row["rewrite"] == ROW["rewrite"] and row["expert"] == "x" * LONGEST + "…" and row["nll"] == 0.1235


def test_a_server_that_died_does_not_end_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise httpx.ConnectError("connection refused")

    monkeypatch.setattr(samples_view.TaskRunContext, "get", classmethod(lambda cls: object()))
    monkeypatch.setattr(samples_view, "create_table_artifact", gone)
    write(tmp_path, 1)
    with handled_by(lambda _: None), handled_by(SamplesView(tmp_path)):
        report(1, 1)
