"""LLaMA-Factory's trainer with packed passes and a loss in chunks, and its checkpoints with what resuming needs.

In:  the tokenised rows {"input_ids", "labels"}, a FinetuneConfig
Out: the same optimiser steps over the same rows as without packing, in fewer and fuller passes

The loss is today's: the sum over the target tokens of all rows of a step, in all passes and processes, by their number.
"""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from llamafactory.train.sft.trainer import CustomSeq2SeqTrainer
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM
from transformers.integrations.deepspeed import set_hf_deepspeed_config, unset_hf_deepspeed_config
from transformers.modeling_outputs import CausalLMOutput

from tasks.finetune.passes import PassSampler, Plan
from tasks.finetune.pulled_adamw import PulledAdamW
from tasks.finetune.sequences import collate
from tasks.finetune.token_losses import TokenLoss, summed_loss
from tasks.score.rows_attention import use_rows_attention
from tasks.score.shared_prefix import check_logits


class Trainer(CustomSeq2SeqTrainer):  # type: ignore[misc]
    """LLaMA-Factory's SFT trainer (0.9.5). `pull`: of PulledAdamW; 0: the AdamW that it takes itself."""

    def __init__(self, *, pull: float = 0.0, **kwargs: Any) -> None:
        self.pull = pull
        super().__init__(**kwargs)

    def get_optimizer_cls_and_kwargs(self, args: Any, model: Any = None) -> tuple[Any, dict[str, Any]]:
        """As without `pull`, in a class that pulls."""
        kind, options = super().get_optimizer_cls_and_kwargs(args, model)
        return (PulledAdamW, options | {"pull": self.pull}) if self.pull else (kind, options)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Under ZeRO-3 a checkpoint goes without the gathered weights: its shards hold them, in float32."""
        if _internal_call and self.is_deepspeed_enabled:
            return
        super().save_model(output_dir, _internal_call)


class PackedTrainer(Trainer):
    """Trains on packed passes. `plan` and `accumulation` say which rows make a pass, `loss` what a token costs; `base`
    is pi_0's folder where the loss is anchored to it."""

    def __init__(
        self, *, plan: Plan, accumulation: int, loss: TokenLoss, base: Path | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.plan, self.accumulation = plan, accumulation
        if self.model.config._attn_implementation != "flash_attention_2":
            use_rows_attention(self.model)
        check_logits(self.model)
        self.model.forward = partial(_forward, self.model, loss, None if base is None else self._frozen(base))
        self.model_accepts_loss_kwargs = True

    def _frozen(self, folder: Path) -> Any:
        """pi_0 beside the model that is trained, whole on every process: ZeRO-3 would shard what is loaded under it."""
        deepspeed = self.args.hf_deepspeed_config if self.is_deepspeed_enabled else None
        if deepspeed is not None:
            unset_hf_deepspeed_config()
        attention = self.model.config._attn_implementation
        base = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16 if self.args.bf16 else torch.float32,
            attn_implementation=attention if attention == "flash_attention_2" else None,
            use_safetensors=True,
            trust_remote_code=False,
        )
        if deepspeed is not None:
            set_hf_deepspeed_config(deepspeed)
        if attention != "flash_attention_2":
            use_rows_attention(base)
        return base.to(self.args.device).eval().requires_grad_(False)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """This process's passes; accelerate would deal whole steps to processes."""
        steps = self.plan.steps
        sampler = PassSampler(
            self.plan, self.accumulation, self.args.process_index, lambda: int(self.state.global_step // steps)
        )
        rows = self.train_dataset.select_columns(["input_ids", "labels"])
        return DataLoader(rows, batch_sampler=sampler, collate_fn=collate, pin_memory=self.args.dataloader_pin_memory)


def _forward(
    model: Any, loss: TokenLoss, frozen: Any, *, labels: Any, num_items_in_batch: Any = None, **inputs: Any
) -> CausalLMOutput:
    """The causal LM's forward: its decoder and the frozen pi_0's, if any, then the loss without whole logits."""
    hidden_BTH = model.get_decoder()(**inputs, use_cache=False).last_hidden_state
    base = None
    if frozen is not None:
        with torch.no_grad():
            base_BTH = frozen.get_decoder()(**inputs, use_cache=False).last_hidden_state
        base = frozen.get_output_embeddings(), base_BTH
    summed = summed_loss(model.get_output_embeddings(), hidden_BTH, labels, loss, base=base)
    return CausalLMOutput(loss=summed if num_items_in_batch is None else summed / num_items_in_batch)
