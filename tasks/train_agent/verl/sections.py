"""Our settings under verl's names, section by section: {"actor_rollout_ref.rollout.n": 10, …}.

What is set here differs from verl's default, or must not change with it. Two entries have a reason that is not seen:

    model_dtype fp32          verl casts the adapter to the backbone's type, and AdamW's steps of 3e-5 vanish in
                              bfloat16 weights; the passes run in bfloat16 all the same (mixed_precision)
    load_format safetensors   with LoRA the backbone is never handed over to vLLM, which verl's default leaves with
                              random weights
"""

import os
from pathlib import Path
from typing import Any

from tasks.rows.precision import Precision
from tasks.score.rows_attention import flash_attention
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.spec import TrainSpec
from tasks.train_agent.verl.environment import forwarded
from tasks.train_agent.verl.layout import Layout

HERE = "tasks.train_agent.verl"
TRAINER = "rewriting_agent"  # the name under which trainer.py registers
ONE_UPDATE = "rewriting_agent_one_update"  # and that of the loss in one_update.py
PACKED_ATTENTION = "packed_attention"  # and that of packed.py among transformers' attention functions


def algorithm(config: TrainAgentConfig) -> dict[str, Any]:
    """GRPO: advantage (r - mean) / (deviation + 1e-6), no reward model; the KL divergence is in the loss."""
    return {
        "algorithm.adv_estimator": "grpo",
        "algorithm.norm_adv_by_std_in_grpo": True,
        "algorithm.use_kl_in_reward": False,
        "critic.enable": False,
        "trainer.use_v1": True,
        "trainer.v1.trainer_mode": TRAINER,
    }


def data(config: TrainAgentConfig, layout: Layout) -> dict[str, Any]:
    """Our dataset, agent loop and gate, in the places that verl has for them."""
    return {
        "data.train_files": [str(layout.rows)],
        "data.val_files": [str(layout.rows)],  # verl reads one row even where it does not validate
        "data.val_max_samples": 1,
        "data.custom_cls.path": f"pkg://{HERE}.dataset",
        "data.custom_cls.name": "AgentDataset",
        "data.train_batch_size": config.prompts_per_step,
        "data.max_prompt_length": config.max_prompt_tokens,
        "data.max_response_length": config.max_new_tokens,
        "data.shuffle": True,
        "data.seed": config.seed,
        "data.dataloader_num_workers": 0,
        "actor_rollout_ref.rollout.agent.default_agent_loop": "rewrite",
        "actor_rollout_ref.rollout.agent.agent_loop_config_path": str(Path(__file__).with_name("agent_loop.yaml")),
        "reward.num_workers": 1,  # so that the judge's limit on calls in flight is the run's
        "reward.custom_reward_function.path": f"pkg://{HERE}.gate",
        "reward.custom_reward_function.name": "gate",
        "reward.custom_reward_function.reward_kwargs": {"spec": str(layout.spec)},
    }


def model(config: TrainAgentConfig, spec: TrainSpec) -> dict[str, Any]:
    """The backbone and its adapter on all linear layers (E.2); sequences are packed, not padded."""
    return {
        "actor_rollout_ref.model.path": str(spec.backbone),
        "actor_rollout_ref.model.lora_rank": config.rank,
        "actor_rollout_ref.model.lora_alpha": config.alpha,
        "actor_rollout_ref.model.target_modules": "all-linear",
        "actor_rollout_ref.model.trust_remote_code": False,
        "actor_rollout_ref.model.external_lib": f"{HERE}.workers",
        "actor_rollout_ref.model.use_remove_padding": True,
        "actor_rollout_ref.model.override_config": {"attn_implementation": attention(spec.cuda)},
        "actor_rollout_ref.model.use_fused_kernels": config.verl.fused_kernels is not None,
        "actor_rollout_ref.model.fused_kernel_options.impl_backend": config.verl.fused_kernels or "torch",
    }


def attention(cuda: bool) -> str:
    """Which of transformers' attention functions the actor uses; both find a pass's sequences by their positions."""
    return "flash_attention_2" if flash_attention(cuda) else PACKED_ATTENTION


def actor(config: TrainAgentConfig, precision: Precision) -> dict[str, Any]:
    """PPO's clipped loss, the mean over all tokens of an update, and the k3 estimate of the KL divergence."""
    at = "actor_rollout_ref.actor."
    return {
        at + "strategy": "fsdp2",
        at + "fsdp_config.strategy": "fsdp2",
        at + "fsdp_config.model_dtype": "fp32",
        at + "fsdp_config.mixed_precision": {"param_dtype": precision, "reduce_dtype": "fp32", "buffer_dtype": "fp32"},
        at + "optim.lr": config.learning_rate,
        at + "optim.lr_warmup_steps": config.warmup_steps,
        at + "optim.weight_decay": 0.0,
        at + "grad_clip": config.max_gradient_norm,
        at + "optim.clip_grad": config.max_gradient_norm,
        at + "ppo_mini_batch_size": config.prompts_per_step // config.updates_per_step,  # verl counts prompts
        at + "ppo_epochs": 1,
        at + "use_dynamic_bsz": True,  # also where pi_0 scores: the number of passing rewrites is any number
        at + "ppo_max_token_len_per_gpu": config.verl.tokens_per_gpu,  # verl's passes without gradient go by it too
        at + "policy_loss.loss_mode": ONE_UPDATE if config.updates_per_step == 1 else "vanilla",
        at + "clip_ratio": config.clip,
        at + "clip_ratio_low": config.clip,
        at + "clip_ratio_high": config.clip,
        at + "entropy_coeff": 0.0,
        at + "loss_agg_mode": "token-mean",
        at + "use_kl_loss": config.kl_coefficient > 0,
        at + "kl_loss_coef": config.kl_coefficient,
        at + "kl_loss_type": "low_var_kl",
        at + "data_loader_seed": config.seed,
        at + "checkpoint.save_contents": ["model", "optimizer", "extra"],
        at + "checkpoint.save_lora_only": True,
    }


def rollout(config: TrainAgentConfig, precision: Precision, context: int) -> dict[str, Any]:
    """Sampling by vLLM from the whole distribution, with the log-probabilities for the canary."""
    at, where = "actor_rollout_ref.rollout.", config.verl
    length = config.max_prompt_tokens + config.max_new_tokens
    return {
        at + "name": "vllm",
        at + "mode": "async",
        at + "n": config.candidates,
        at + "temperature": config.temperature,
        at + "top_p": 1.0,
        at + "top_k": -1,
        at + "seed": config.seed,
        at + "dtype": precision,
        at + "load_format": "safetensors",
        at + "layered_summon": True,
        at + "calculate_log_probs": True,
        at + "tensor_model_parallel_size": where.tensor_parallel,
        at + "max_model_len": min(length, context) if context else length,
        at + "max_num_seqs": where.sequences_per_gpu,
        at + "gpu_memory_utilization": config.vllm_memory,
    }


def training(config: TrainAgentConfig, layout: Layout, kept: int, steps: int) -> dict[str, Any]:
    """Length, checkpoints and logs."""
    an_epoch = kept // config.prompts_per_step
    return {
        "trainer.total_training_steps": steps,
        "trainer.total_epochs": -(-steps // an_epoch),
        "trainer.nnodes": config.verl.machines,
        "trainer.n_gpus_per_node": config.verl.gpus,
        "trainer.save_freq": config.save_every,
        "trainer.max_actor_ckpt_to_keep": 2,
        "trainer.default_local_dir": str(layout.checkpoints),
        "trainer.resume_mode": "auto",
        "trainer.val_before_train": False,
        "trainer.test_freq": -1,
        "trainer.logger": ["file"],
        "trainer.project_name": "rewriting-agent",
        "trainer.experiment_name": "train_agent",
        "rewriting_agent": {
            "spec": str(layout.spec),
            "steps": steps,
            "attempt": layout.attempt,
            "stopped": str(layout.stopped),
        },
    }


def gpu(config: TrainAgentConfig) -> dict[str, Any]:
    """Activations recomputed, one GPU for actor and rollout in turn."""
    where, ours = config.verl, "actor_rollout_ref."
    return {
        "trainer.device": "cuda",
        ours + "model.enable_gradient_checkpointing": True,
        ours + "actor.entropy_from_logits_with_chunking": True,  # else a second copy of all logits, in float32
        ours + "actor.fsdp_config.param_offload": where.offload,
        ours + "actor.fsdp_config.optimizer_offload": where.offload,
        ours + "rollout.max_num_batched_tokens": 16384,
        ours + "rollout.free_cache_engine": True,
        "ray_kwargs.ray_init": ray_init(config, {}),
    }


def cpu(config: TrainAgentConfig) -> dict[str, Any]:
    """One process; Ray counts a GPU that is not there (see cpu.py)."""
    ours = "actor_rollout_ref."
    return {
        "trainer.device": "cpu",
        ours + "model.enable_gradient_checkpointing": config.gradient_checkpointing,
        ours + "actor.use_torch_compile": False,
        ours + "actor.fsdp_config.use_torch_compile": False,
        ours + "rollout.enforce_eager": True,
        ours + "rollout.free_cache_engine": False,
        ours + "rollout.enable_sleep_mode": False,
        ours + "rollout.agent.num_workers": 1,
        ours + "rollout.checkpoint_engine.update_weights_bucket_megabytes": 64,
        ours + "rollout.engine_kwargs.vllm": {"distributed_executor_backend": "uni"},
        "transfer_queue.backend.SimpleStorage.num_data_storage_units": 1,
        "ray_kwargs.ray_init": ray_init(config, {"num_gpus": 1}),
    }


def ray_init(config: TrainAgentConfig, resources: dict[str, Any]) -> dict[str, Any]:
    """Arguments of ray.init: a cluster of our own unless an address is given, never one that happens to run here."""
    common = {"log_to_driver": True, "runtime_env": {"env_vars": forwarded()}}
    if config.verl.ray_address:
        return {"address": config.verl.ray_address} | common
    # Ray's count of cores only admits processes; verl starts more of them than a small machine has cores.
    return (
        {"address": "local", "num_cpus": max(16, os.cpu_count() or 1), "include_dashboard": False} | resources | common
    )
