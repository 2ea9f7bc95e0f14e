"""The stage refuses what its engine could not do."""

from pathlib import Path

import pytest

from tasks.finetune.config import FinetuneConfig
from tasks.finetune.finetune import finetune


def test_bfloat16_in_several_processes_on_a_cpu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWRITING_AGENT_DEVICE", "cpu")
    config = FinetuneConfig(dtype="bfloat16", processes=2)
    with pytest.raises(ValueError, match=r"finetune\.dtype=bfloat16 in 2 processes on a CPU.*finetune\.processes=1"):
        finetune.plain(config, tmp_path, backbone=tmp_path, dataset=tmp_path)
