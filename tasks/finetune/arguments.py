"""What LLaMA-Factory is told: a spec in, its arguments and DeepSpeed's config out.

In:  FinetuneSpec(config=FinetuneConfig(learning_rate=7e-6, …), world 4), 2 passes a step
Out: {"stage": "sft", "finetuning_type": "full", "gradient_accumulation_steps": 2, "deepspeed": "…", …}
"""

from typing import Any

from tasks.finetune.spec import FinetuneSpec
from tasks.rows.precision import Precision, resolve
from tasks.score.rows_attention import flash_attention

# LLaMA-Factory's examples/deepspeed/ds_z3_config.json (E.1): parameters, gradients and optimiser states are sharded,
# nothing is offloaded. The "auto"s are filled in from the training arguments.
ZERO3 = {
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "zero_allow_untested_optimizer": True,
    "bf16": {"enabled": "auto"},
    "zero_optimization": {
        "stage": 3,
        "overlap_comm": False,
        "contiguous_gradients": True,
        "sub_group_size": 1e9,
        "reduce_bucket_size": "auto",
        "stage3_prefetch_bucket_size": "auto",
        "stage3_param_persistence_threshold": "auto",
        "stage3_max_live_parameters": 1e9,
        "stage3_max_reuse_distance": 1e9,
        "stage3_gather_16bit_weights_on_model_save": True,
    },
}


def arguments(spec: FinetuneSpec, accumulation: int) -> dict[str, Any]:
    """LLaMA-Factory's arguments for a spec (E.1); `accumulation`: passes of one process in a step."""
    config, scratch = spec.config, spec.out / "scratch"
    parallel = spec.world > 1
    made: dict[str, Any] = {
        "stage": "sft",
        "do_train": True,
        "model_name_or_path": str(spec.backbone),
        "finetuning_type": "full",
        "tokenized_path": str(scratch / "tokens"),
        "dataset": "rows",  # unused beside tokenized_path, but LLaMA-Factory insists on a name
        "template": "empty",  # token ids come in: no template is applied, none must be guessed
        "cutoff_len": config.max_tokens,
        "output_dir": str(scratch / "trainer"),
        "learning_rate": config.learning_rate,
        "num_train_epochs": config.epochs,
        "per_device_train_batch_size": 1 if config.packing else config.per_device_batch,
        "gradient_accumulation_steps": accumulation,
        "optim": "adamw_torch",
        "lr_scheduler_type": "cosine",
        "warmup_ratio": config.warmup_ratio,
        "max_grad_norm": config.max_grad_norm,
        "weight_decay": config.weight_decay,
        "use_dft_loss": config.loss in ("dft", "importance_weighted") and not config.packing,
        "flash_attn": "fa2" if config.packing and flash_attention(spec.cuda) else "auto",
        "bf16": precision(spec) == "bfloat16",
        "use_cpu": not spec.cuda and not parallel,  # DeepSpeed finds the CPU by DS_ACCELERATOR instead
        "disable_gradient_checkpointing": not spec.cuda,
        "seed": config.seed,
        "data_seed": config.seed,
        "logging_steps": 1,
        "save_strategy": "no",  # ByTime asks for checkpoints
        "report_to": "none",
        "disable_tqdm": True,
        "ddp_timeout": 180000000,
        "dataloader_num_workers": 0,
        "preprocessing_num_workers": 1,
    }
    if config.lora_rank is not None:
        lora = {"lora_rank": config.lora_rank, "lora_alpha": config.lora_alpha, "lora_target": "all"}
        made |= {"finetuning_type": "lora", "lora_dropout": 0.0} | lora
    if parallel:
        made["deepspeed"] = str(scratch / "ds_z3_config.json")
    return made


def precision(spec: FinetuneSpec) -> Precision:
    """What the passes compute in; the weights that are trained are float32 in either case.

    Several processes on a CPU stay in float32: transformers 5 allows bfloat16 there only with `use_cpu`, which
    DeepSpeed does not bear.
    """
    if spec.config.dtype == "auto" and spec.world > 1 and not spec.cuda:
        return "float32"
    return resolve(spec.config.dtype, spec.backbone, spec.cuda)
