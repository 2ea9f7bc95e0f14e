"""The kit for the first GPU, on the CPU with its tiny model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.runtime.settings import ROOT

pytestmark = pytest.mark.inference


def kit(*arguments: str) -> tuple[int, dict[str, object], str]:
    ended = subprocess.run(
        [sys.executable, "-m", "infra.gpu_check", "--device", "cpu", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, json.loads(ended.stdout), ended.stderr


@pytest.mark.slow
def test_scorer_and_packed_training_agree_with_their_plain_ways_and_one_json_says_so() -> None:
    status, said, told = kit("--only", "scorer", "--only", "sft", "--minutes", "9")
    assert status == 0, told
    assert [(row["check"], row["size"], row["state"]) for row in said["checks"]] == [  # type: ignore[attr-defined]
        ("scorer", "tiny", "passed"),
        ("sft", "tiny", "passed"),
    ]
    scorer, sft = (row["figures"] for row in said["checks"])  # type: ignore[attr-defined]
    assert 0 < scorer["rounding"] < 0.02 and scorer["float32"]["difference"] < 1e-3
    assert sft["packed"]["padding"] >= 0 and 0 < sft["grouped"]["padding"] < sft["padded"]["padding"]
    assert "torch" in said["machine"]["packages"]  # type: ignore[index]


def test_a_check_that_breaks_is_told_and_ends_with_status_1(tmp_path: Path) -> None:
    status, said, _ = kit("--only", "scorer", "--model", str(tmp_path))
    assert status == 1
    (row,) = said["checks"]  # type: ignore[misc]
    assert row["state"] == "failed" and "Error" in row["reason"]
