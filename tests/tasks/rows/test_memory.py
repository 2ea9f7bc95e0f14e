"""The memory that engines on cores are reckoned to take, beside what the kernel counted of them."""

import json
from pathlib import Path

import pytest

from tasks.rows import memory
from tasks.rows.memory import Shape
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.memory import host_bytes
from tests.conftest import ROOT

NANO = ROOT / "infra" / "nano" / "model"
GIB = 2**30
HALF = Shape(parameters=494_032_768, hidden=896, layers=24, vocabulary=151_936)  # Qwen2.5-Coder-0.5B


@pytest.fixture
def half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its folder without the weights."""
    said = {"hidden_size": HALF.hidden, "num_hidden_layers": HALF.layers, "vocab_size": HALF.vocabulary}
    (tmp_path / "config.json").write_text(json.dumps(said | {"num_attention_heads": 14, "num_key_value_heads": 2}))
    monkeypatch.setattr(memory, "parameters", lambda _: HALF.parameters)
    return tmp_path


# Counted on 2026-11-30 (cost.peak_bytes of `run --preset smoke`, 64 new tokens, two cores): pi_0 reading the
# thermometers' texts, evaluating, measuring; an agent of 4 rewrites a micro-batch, rollouts by transformers.
def test_half_a_billion_parameters_take_what_the_kernel_counted(half: Path) -> None:
    assert 2.18 * GIB < memory.reading(half, "bfloat16") < 1.2 * 2.18 * GIB
    assert 4.39 * GIB < memory.sampling(half, "bfloat16") < 1.2 * 4.00 * GIB
    agent = TrainAgentConfig(
        engine="trl",
        rollout="transformers",
        dtype="bfloat16",
        micro_batch=4,
        candidates=4,
        prompts_per_step=8,
        max_prompt_tokens=640,
        max_new_tokens=64,
    )
    assert 5.46 * GIB < host_bytes(agent, half) < 1.2 * 5.46 * GIB
    longer = agent.model_copy(update={"max_new_tokens": 320})
    assert host_bytes(longer, half) > host_bytes(agent, half) + GIB
    assert host_bytes(agent.model_copy(update={"rollout": "vllm"}), half) > host_bytes(agent, half) + 2 * GIB
    assert host_bytes(agent.model_copy(update={"engine": "verl"}), half) == 0


def test_nano_takes_little_more_than_its_imports() -> None:
    assert memory.reading(NANO, "auto") < 0.8 * GIB and memory.sampling(NANO, "auto") < 1.8 * GIB


def test_of_a_model_whose_config_names_its_shape_otherwise_the_weights_are_reckoned_and_no_training(half: Path) -> None:
    (half / "config.json").write_text("{}")
    assert host_bytes(TrainAgentConfig(engine="trl", rollout="transformers"), half) == 0
    assert memory.reading(half, "bfloat16") == memory.IMPORTED + 2 * HALF.parameters
