"""The example computes what the stage computes, and runs."""

import re
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
import yaml

from tasks.rewards.config import RewardConfig
from tasks.rewards.group import group_advantages, group_rewards
from tasks.train_agent.config import TrainAgentConfig
from tests.conftest import ROOT

pytestmark = pytest.mark.inference


@pytest.fixture
def agent_loop() -> ModuleType:
    """The example; it needs torch, which only its environment has."""
    return import_module("examples.agent_loop")


def stages_config(agent_loop: ModuleType) -> RewardConfig:
    weights = {"lambda_dist": agent_loop.LAMBDA_DIST, "lambda_div": agent_loop.LAMBDA_DIV}
    return RewardConfig(epsilon=agent_loop.EPSILON, **weights)


@pytest.mark.parametrize("seed", range(20))
def test_its_rewards_and_advantages_are_the_stages(agent_loop: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups, k = 6, 8
    passed_PK = rng.random((groups, k)) < rng.random((groups, 1)) * 1.2  # groups of none, of some and of all
    nll_PK = rng.gamma(2.0, 0.5, (groups, k))
    vectors_PKD = rng.normal(size=(groups, k, 5))
    ours_PK = np.stack([agent_loop.rewards(*group) for group in zip(passed_PK, nll_PK, vectors_PKD, strict=True)])
    stages = [
        group_rewards([bool(one) for one in passed], nll, vectors, stages_config(agent_loop))
        for passed, nll, vectors in zip(passed_PK, nll_PK, vectors_PKD, strict=True)
    ]
    np.testing.assert_allclose(ours_PK, [one.total for one in stages], atol=1e-12)
    np.testing.assert_allclose(
        agent_loop.advantages(ours_PK), [group_advantages(one.total, 1e-4) for one in stages], atol=1e-12
    )


def test_its_settings_are_nanos(agent_loop: ModuleType) -> None:
    file = ROOT / "infra" / "backbones" / "nano.yaml"
    config = TrainAgentConfig.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))["train_agent"])
    assert (config.prompts_per_step, config.candidates) == (agent_loop.P, agent_loop.K)
    assert (config.max_new_tokens, config.learning_rate) == (agent_loop.LONGEST, agent_loop.LEARNING_RATE)
    assert (config.kl_coefficient, config.max_gradient_norm) == (agent_loop.KL, agent_loop.CLIP_NORM)
    assert config.reward == stages_config(agent_loop)


def test_it_runs_and_prints_a_line_a_step(
    agent_loop: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(agent_loop, "P", 4)
    monkeypatch.setattr(agent_loop, "K", 4)
    agent_loop.main(steps=2)
    said = capsys.readouterr().out
    assert re.findall(r"^ +(\d) +\d+ %", said, re.MULTILINE) == ["1", "2"]
    assert "agent     " in said
