"""The verify stage with a backbone that is its own judge."""

import subprocess
from pathlib import Path

import pytest

from tasks.rows.jsonl import read_rows, write_rows
from tasks.runtime.settings import ROOT, settings
from tasks.verify.gate import GateConfig
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.self_judge import log_odds
from tasks.verify.stage import verify
from tasks.verify.types import ReasoningVerdict

REWRITES = {
    "a": "3 + 4 = 7. \\boxed{7}",
    "b": "7",
    "c": "I count on from 3: 4, 5, 6, 7. \\boxed{7}",
    "wrong": "3 + 4 = 8. \\boxed{8}",
}


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    rows = [{"id": id, "question": "3 + 4?", "solution": "3 + 4 = 7.", "answer": "7"} for id in REWRITES]
    rewrites = [{"id": id, "text": text, "finished": True} for id, text in REWRITES.items()]
    for name, content in (("rows", rows), ("rewrites", rewrites)):
        (tmp_path / name).mkdir()
        write_rows(tmp_path / name / f"{name}.jsonl", content)
    (tmp_path / "out").mkdir()
    return {"rows": tmp_path / "rows", "rewrites": tmp_path / "rewrites"}


def test_a_backbone_that_is_to_judge_must_be_given(inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs the input backbone"):
        verify.plain(GateConfig(judge=JudgeConfig(kind="self")), tmp_path / "out", **inputs)


@pytest.mark.slow
def test_the_backbone_is_asked_about_right_answers(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    backbone = tmp_path / "backbone"
    python = settings().environments / "inference" / "bin" / "python"
    subprocess.run([python, "-m", "tests.tasks.verify.judges.self_backbone", backbone], check=True, cwd=ROOT)
    judge = JudgeConfig(
        kind="self", allow_unfit=True, backend="transformers", prefilter=False, cache=tmp_path / "verdicts.sqlite"
    )
    verify.plain(GateConfig(judge=judge), tmp_path / "out", backbone=backbone, **inputs)
    found = {row["id"]: row for row in read_rows(tmp_path / "out" / "verdicts.jsonl")}
    assert found.pop("wrong")["reasoning"] is None
    for row in found.values():
        verdict = ReasoningVerdict(**row["reasoning"])
        assert verdict.judge.startswith("self/prompt=1,margin=0,backbone=")
        odds = log_odds(verdict)
        assert odds is not None and row["passed"] is (odds >= 0)
    assert len({row["reasoning"]["reason"] for row in found.values()}) == 3
