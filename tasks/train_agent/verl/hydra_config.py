"""Our settings as verl's configuration, checked by verl itself.

In:  TrainSpec (the names of tasks/train_agent/config.py) and a Layout
Out: verl's `ppo_trainer` configuration, with one section of ours:
     rewriting_agent: {spec: …/spec.json, steps: 95, attempt: 1, stopped: …/stopped.txt}
"""

from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf, open_dict
from transformers import AutoConfig

from tasks.rows.precision import resolve
from tasks.runtime.settings import settings
from tasks.score.rows_attention import is_plain
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.spec import TrainSpec
from tasks.train_agent.verl import sections
from tasks.train_agent.verl.layout import Layout


def verl_config(spec: TrainSpec, layout: Layout, kept: int, steps: int, context: int) -> DictConfig:
    """The configuration of one training.

    Args:
        kept: rows that fit.
        steps: GRPO steps.
        context: tokens, 0 where the model names no limit.

    Raises:
        SystemExit: settings that verl cannot run.
    """
    config = counted(spec.config, spec.cuda)
    check(config, spec.cuda)
    check_attention(spec)
    precision = resolve(config.dtype, spec.backbone, spec.cuda)
    settings = (
        sections.algorithm(config)
        | sections.data(config, layout)
        | sections.model(config, spec)
        | sections.actor(config, precision)
        | sections.rollout(config, precision, context)
        | sections.training(config, layout, kept, steps)
        | (sections.gpu(config) if spec.cuda else sections.cpu(config))
    )
    with initialize_config_module("verl.trainer.config", version_base=None):
        composed = compose("ppo_trainer")
    with open_dict(composed):
        for name, value in settings.items():
            OmegaConf.update(composed, name, value, merge=False, force_add=True)
    return composed


def check_attention(spec: TrainSpec) -> None:
    """Raises SystemExit where a pass's sequences cannot be told apart without flash-attn."""
    model = AutoConfig.from_pretrained(spec.backbone, trust_remote_code=False)
    if sections.attention(spec.cuda) == sections.PACKED_ATTENTION and not is_plain(model):
        raise SystemExit(
            f"{model.model_type}: without flash-attn sequences are packed for plain causal attention only, not for "
            "sliding windows or capped scores: install flash-attn (docs/verl.md), or take train_agent.engine=trl"
        )


def counted(config: TrainAgentConfig, cuda: bool) -> TrainAgentConfig:
    """The config with the number that "all GPUs of the machine" is here."""
    here = max(1, len(settings().gpu_names())) if cuda else 1
    return config.model_copy(update={"verl": config.verl.model_copy(update={"gpus": config.verl.gpus or here})})


def validate(composed: DictConfig) -> None:
    """verl's own check, which also builds its dataclasses.

    Raises:
        AssertionError, ValueError: verl rejects the configuration.
    """
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    validate_config(
        config=composed, use_reference_policy=need_reference_policy(composed), use_critic=need_critic(composed)
    )


def check(config: TrainAgentConfig, cuda: bool) -> None:
    """Settings that only make sense in TRL, or do not divide. Raises SystemExit."""
    where, ranks = config.verl, config.verl.gpus * config.verl.machines
    rollouts = config.prompts_per_step * config.candidates
    if config.prompts_per_step % config.updates_per_step or rollouts // config.updates_per_step % ranks:
        raise SystemExit(
            f"updates_per_step={config.updates_per_step} must divide prompts_per_step={config.prompts_per_step}, and "
            f"verl.gpus * verl.machines = {ranks} the {rollouts} rewrites of a step, update by update"
        )
    if where.gpus % where.tensor_parallel:
        raise SystemExit(f"verl.tensor_parallel={where.tensor_parallel} must divide verl.gpus={where.gpus}")
    if cuda and where.tokens_per_gpu < config.max_prompt_tokens + config.max_new_tokens:
        raise SystemExit(
            f"verl.tokens_per_gpu={where.tokens_per_gpu} is less than one prompt with its rewrite: "
            f"max_prompt_tokens + max_new_tokens = {config.max_prompt_tokens + config.max_new_tokens}"
        )
    if where.fused_kernels == "triton" and not cuda:
        raise SystemExit("verl.fused_kernels='triton' needs a GPU: take 'torch'")
    if config.gate.judge.kind == "local":
        raise SystemExit(
            "judge kind 'local' runs in batches and would share the GPUs of the training: with engine 'verl' take "
            "kind 'self', or 'openai' with the url of a served model or with GPUs of its own (gate.judge.gpus)"
        )
