"""The stage refuses what its engine could not do."""

from pathlib import Path

import pytest

from flows.experiment import load_experiment
from tasks.finetune.config import FinetuneConfig
from tasks.finetune.finetune import finetune
from tasks.runtime.key import config_for_key


def test_bfloat16_in_several_processes_on_a_cpu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWRITING_AGENT_DEVICE", "cpu")
    config = FinetuneConfig(dtype="bfloat16", processes=2)
    with pytest.raises(ValueError, match=r"finetune\.dtype=bfloat16 in 2 processes on a CPU.*finetune\.processes=1"):
        finetune.plain(config, tmp_path, backbone=tmp_path, dataset=tmp_path)


def test_what_is_only_speed_leaves_nanos_keys_as_they_were() -> None:
    """Packing, the passes' size and checkpoints came later than nano's studies."""
    nano = load_experiment("nano").finetune
    assert config_for_key(nano) == {
        "dtype": "auto",
        "epochs": 2,
        "global_batch": 16,
        "learning_rate": 8e-4,
        "loss": "nll",
        "max_dropped_share": 0.05,
        "max_grad_norm": 1.0,
        "max_tokens": 256,
        "per_device_batch": 16,
        "seed": 42,
        "warmup_ratio": 0.1,
        "weight_decay": 0.0,
    }
    other = {"packing": True, "tokens_per_pass": 512, "less": 2, "checkpoint_minutes": 1, "processes": 2}
    assert config_for_key(nano.model_copy(update=other)) == config_for_key(nano)
    assert not nano.packing and FinetuneConfig().packing
