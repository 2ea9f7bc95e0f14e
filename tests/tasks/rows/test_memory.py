"""The memory that engines on cores are reckoned to take, beside what the kernel counted of them."""

from pathlib import Path

from tasks.rows.memory import Shape, cached, on_cores, reading, sampling, shape_of
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.memory import host_bytes
from tests.conftest import ROOT

NANO = ROOT / "infra" / "nano" / "model"
GIB = 2**30
HALF = Shape(parameters=494_032_768, hidden=896, layers=24, vocabulary=151_936, cache_width=128)


# Counted on 2026-11-30 (cost.peak_bytes of `run --preset smoke`, 64 new tokens, two cores): pi_0 reading the
# thermometers' texts, evaluating, measuring; an agent of 4 rewrites a micro-batch, rollouts by transformers.
def test_half_a_billion_parameters_take_what_the_kernel_counted() -> None:
    assert 2.18 * GIB < reading(HALF, "bfloat16") < 1.2 * 2.18 * GIB
    assert 4.39 * GIB < sampling(HALF, "bfloat16") < 1.2 * 4.00 * GIB
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
    assert 5.46 * GIB < host_bytes(agent, HALF, "bfloat16") < 1.2 * 5.46 * GIB
    longer = agent.model_copy(update={"max_new_tokens": 320})
    assert host_bytes(longer, HALF, "bfloat16") > host_bytes(agent, HALF, "bfloat16") + GIB
    with_vllm = agent.model_copy(update={"rollout": "vllm"})
    assert host_bytes(with_vllm, HALF, "bfloat16") > host_bytes(agent, HALF, "bfloat16") + 2 * GIB
    assert host_bytes(agent.model_copy(update={"engine": "verl"}), HALF, "bfloat16") == 0


def test_nano_takes_little_more_than_its_imports(tmp_path: Path) -> None:
    assert on_cores(NANO, "auto", reading) < 0.8 * GIB and 2.05 * GIB < on_cores(NANO, "auto", sampling) < 2.2 * GIB
    shape = shape_of(NANO)
    assert cached(shape, "float32") == 2 * shape.layers * shape.hidden * 4
    (tmp_path / "config.json").write_text("{}")
    assert on_cores(tmp_path, "auto", reading) == 0, "a model whose config names its shape otherwise"
