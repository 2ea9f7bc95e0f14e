"""What TRL is told: its GRPOConfig from ours."""

from pathlib import Path

from trl import GRPOConfig

from tasks.rows.precision import Precision
from tasks.train_agent.config import TrainAgentConfig


def arguments(config: TrainAgentConfig, steps: int, folder: Path, cuda: bool, precision: Precision) -> GRPOConfig:
    """TRL's arguments. Loss `dapo`: the mean over all tokens of the batch, verl's default too."""
    rollouts = config.prompts_per_step * config.candidates
    of_an_update, rest = divmod(rollouts, config.updates_per_step)
    if rest:
        raise SystemExit(
            f"updates_per_step={config.updates_per_step} must divide prompts_per_step * candidates = {rollouts}"
        )
    micro_batch = next(size for size in range(config.micro_batch, 0, -1) if of_an_update % size == 0)
    accumulation = of_an_update // micro_batch
    return GRPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=accumulation,
        steps_per_generation=accumulation * config.updates_per_step,
        num_generations=config.candidates,
        max_completion_length=config.max_new_tokens,
        max_steps=steps * config.updates_per_step,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant_with_warmup" if config.warmup_steps else "constant",
        warmup_steps=config.warmup_steps * config.updates_per_step,
        weight_decay=0.0,
        max_grad_norm=config.max_gradient_norm,
        temperature=config.temperature,
        top_p=1.0,
        top_k=0,
        beta=config.kl_coefficient,
        epsilon=config.clip,
        loss_type="dapo",
        scale_rewards="group",
        seed=config.seed,
        data_seed=config.seed,
        bf16=precision == "bfloat16",
        use_cpu=not cuda,
        gradient_checkpointing=config.gradient_checkpointing,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=cuda,
        logging_steps=1,
        save_strategy="steps",
        save_steps=config.save_every * config.updates_per_step,
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        log_completions=False,
    )
