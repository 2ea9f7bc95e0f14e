"""The same five steps with rollouts of vLLM in the trainer's process, which get the adapter's weights before each."""

from infra.gpu_check.checks import Figures, Setup
from infra.gpu_check.grpo import train


def check(setup: Setup) -> Figures:
    """Raises CheckFailed as grpo.check does."""
    return train(setup, "vllm")
