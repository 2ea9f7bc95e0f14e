"""Memory of the stages that SFT's reckoning does not cover: GRPO in TRL, in one process, and embeddings."""

from typing import Any

import pytest

from flows.experiment import load_experiment
from flows.plan.memory import GB, Need, need
from flows.plan.table import Gpu, Model, table
from tasks.diversity.config import DiversityConfig
from tasks.train_agent.config import TrainAgentConfig

SMALL = table().models["Qwen/Qwen2.5-0.5B-Instruct"]
GPU = table().gpus["h100-80"]


def trl(model: Model = SMALL, gpu: Gpu = GPU, **changes: Any) -> Need:
    config = TrainAgentConfig(engine="trl", **changes)
    found = need("train_agent", config, model, 1, gpu, 8192)
    assert found is not None
    return found


def test_trl_keeps_vllms_share_while_it_learns() -> None:
    more = trl(vllm_memory=0.5).bytes - trl(vllm_memory=0.4).bytes
    assert more == pytest.approx(0.1 * 80 * GB)
    assert trl().told.startswith("rollout 32 GB, 16 longest rewrites ")


def test_a_micro_batch_keeps_34_widths_a_token_and_layer_and_the_logits_of_a_chunk() -> None:
    """Each prompt is read once for its rewrites: 8 and 4 rewrites of K = 10 have one prompt."""
    more = trl(micro_batch=8).bytes - trl(micro_batch=4).bytes
    assert more == pytest.approx(4 * 4096 * 24 * 34 * 896 * 2)


def test_activations_computed_again_leave_the_logits_of_a_micro_batch_whole() -> None:
    kept, again = (trl(gradient_checkpointing=on, micro_batch=4).bytes for on in (False, True))
    logits = (4 * 4096 - 1024) * 151_936 * 14
    activations = 896 * 2 * (4 * (4096 + 2048) * (24 + 34) - (4 * 4096 + 2048) * 24 * 34)
    assert again - kept == pytest.approx(logits + activations)


def test_a_rollout_with_transformers_gives_its_memory_back_before_it_learns() -> None:
    small = trl(rollout="transformers", micro_batch=1, max_new_tokens=64, max_prompt_tokens=64)
    adapter = 2 * 64 * 7 * 896 * 24 * 16
    assert small.bytes == pytest.approx(SMALL.parameters * 2 + adapter + 0.3 * 80 * GB + 2.2 * GB)


@pytest.mark.parametrize("backbone", ["Qwen2.5-0.5B-Instruct", "Qwen3-0.6B", "SmolLM2-360M-Instruct"])
def test_what_the_files_of_small_backbones_name_fits_24_gb_with_one_rewrite_at_a_time(backbone: str) -> None:
    """Out of memory the stage is tried again with half of the rewrites in a pass, down to one."""
    experiment = load_experiment(backbone)
    model, config = table().models[experiment.backbone.model], experiment.train_agent
    one = need("train_agent", config.model_copy(update={"micro_batch": 1}), model, 1, table().gpus["l4-24"], 8192)
    assert one is not None and one.bytes < 24 * GB


def test_embeddings_take_memory_by_the_longest_text_and_need_no_backbone() -> None:
    short, long = (need("diversity", DiversityConfig(), None, 1, GPU, tokens) for tokens in (1024, 2048))
    assert short is not None and long is not None
    assert long.bytes - short.bytes == pytest.approx(128 * 1024 * 14 * 1024 * 2)
    assert need("rewrite", load_experiment("nano").rewrite, None, 1, GPU, 1024) is None
