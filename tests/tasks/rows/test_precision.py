"""`auto` is bfloat16 where it is fast and cannot be seen, float32 where bytes are promised."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tasks.evaluate.config import EvaluateConfig
from tasks.finetune.config import FinetuneConfig
from tasks.measure.config import MeasureConfig
from tasks.rewrite.config import RewriteConfig
from tasks.rows import precision
from tasks.rows.precision import parameters, processor_has_bfloat16, resolve
from tasks.score.config import ScoreConfig
from tasks.train_agent.config import TrainAgentConfig
from tests.conftest import ROOT

NANO = ROOT / "infra" / "nano" / "model"
OLD, NEW = "flags\t\t: fpu avx2 avx512f\n", "processor: 0\nflags\t\t: fpu avx512f avx512_bf16\n"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    save_file({"a": np.zeros((5000, 5000), np.int8)}, tmp_path / "model.safetensors")
    return tmp_path


@pytest.mark.parametrize(("flags", "expected"), [(OLD, False), (NEW, True), ("", False)])
def test_the_processors_flags_are_read(tmp_path: Path, flags: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(flags)
    assert processor_has_bfloat16(tmp_path / "cpuinfo") is expected
    assert processor_has_bfloat16(tmp_path / "none") is False


@pytest.mark.parametrize("has", [True, False])
def test_auto(large: Path, monkeypatch: pytest.MonkeyPatch, has: bool) -> None:
    monkeypatch.setattr(precision, "processor_has_bfloat16", lambda: has)
    assert parameters(large) == 25_000_000
    assert resolve("auto", large, cuda=False) == ("bfloat16" if has else "float32")
    assert resolve("auto", NANO, cuda=False) == "float32"
    assert resolve("auto", NANO, cuda=True) == "bfloat16"
    assert resolve("float32", large, cuda=True) == "float32"
    assert resolve("bfloat16", NANO, cuda=False) == "bfloat16"


@pytest.mark.parametrize(
    "config", [RewriteConfig, EvaluateConfig, FinetuneConfig, ScoreConfig, MeasureConfig, TrainAgentConfig]
)
def test_every_engine_has_the_same_setting(config: Any) -> None:
    assert config().dtype == "auto"
    assert config.model_fields["dtype"].description == ScoreConfig.model_fields["dtype"].description
