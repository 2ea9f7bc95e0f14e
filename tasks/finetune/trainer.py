"""LLaMA-Factory's trainer with packed passes and a loss in chunks, and its checkpoints with what resuming needs.

In:  the tokenised rows {"input_ids", "labels"}, a FinetuneConfig
Out: the same optimiser steps over the same rows as without packing, in fewer and fuller passes

The loss is that of a whole step: the sum over the target tokens of all of its rows, in all passes and processes, by
their number (or their weights, where the loss has some).
"""

from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import torch
from llamafactory.train.sft.trainer import CustomSeq2SeqTrainer
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, TrainerCallback
from transformers.integrations.deepspeed import set_hf_deepspeed_config, unset_hf_deepspeed_config
from transformers.modeling_outputs import CausalLMOutput

from tasks.finetune.config import FinetuneConfig
from tasks.finetune.dataset import WEIGHT
from tasks.finetune.passes import PassSampler, Plan
from tasks.finetune.pulled_adamw import PulledAdamW
from tasks.finetune.sequences import collate
from tasks.finetune.token_losses import WEIGHTS, TokenLoss, loss_of, mean_of_rows, summed_loss
from tasks.rows.memory import CHUNK
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
    """Trains on packed passes. `plan` and `accumulation` say which rows make a pass, `config` what a token costs;
    `backbone` is pi_0's folder."""

    def __init__(self, *, plan: Plan, accumulation: int, config: FinetuneConfig, backbone: Path, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan, self.accumulation = plan, accumulation
        self.weight = loss_of(config, WEIGHTS) if config.loss in WEIGHTS else None
        self.tau = config.tau if config.loss == "talr" else None
        self.scale = torch.ones((), device=self.args.device)  # of talr's weights, another one a step
        longest = plan.longest(ceil(config.epochs), accumulation) if plan.processes > 1 else 0
        calls = max(1, ceil(longest / CHUNK))
        if self.model.config._attn_implementation != "flash_attention_2":
            use_rows_attention(self.model)
        check_logits(self.model)
        frozen = self._frozen(backbone) if config.compares else None
        self.model.forward = partial(_forward, self.model, loss_of(config, scale=self.scale), frozen, calls)
        if config.lag:
            self.add_callback(Lagging(frozen, config.lag))
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

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Any]], device: Any) -> Any:
        """What a step's summed loss is divided by: its target tokens, or their weights, over all its passes and
        processes; for weights, and for talr's median, each pass is read once more."""
        if self.tau is not None:
            rows_R = torch.cat([one.logits for one in self._read(batch_samples, rows=True)])
            self.scale.fill_(self.tau * median_of_all(self.accelerator, rows_R))
        if self.weight is None:
            return super()._get_num_items_in_batch(batch_samples, device)
        read = self._read(batch_samples, measure=self.weight)
        return self.accelerator.gather(torch.stack([one.loss for one in read]).sum()).sum()

    def _read(self, batch_samples: list[dict[str, Any]], **asked: Any) -> list[CausalLMOutput]:
        with torch.no_grad():
            return [self.model_wrapped(**self._prepare_inputs(one), **asked) for one in batch_samples]

    def get_train_dataloader(self) -> DataLoader[Any]:
        """This process's passes; accelerate would deal whole steps to processes."""
        steps = self.plan.steps
        sampler = PassSampler(
            self.plan, self.accumulation, self.args.process_index, lambda: int(self.state.global_step // steps)
        )
        columns = {"input_ids", "labels", WEIGHT} & {*self.train_dataset.column_names}
        rows = self.train_dataset.select_columns(sorted(columns))
        return DataLoader(rows, batch_sampler=sampler, collate_fn=collate, pin_memory=self.args.dataloader_pin_memory)


def median_of_all(accelerator: Any, values_R: torch.Tensor) -> torch.Tensor:
    """The median of every process's values (of an even number the lower of the two); 0 where nobody has any."""
    counts = accelerator.gather(torch.tensor([len(values_R)], device=values_R.device))
    longest = max(1, int(counts.max()))
    padded = values_R.new_full((longest,), torch.nan)
    padded[: len(values_R)] = values_R
    return accelerator.gather(padded).nanmedian().nan_to_num()


class Lagging(TrainerCallback):  # type: ignore[misc]
    """Takes the weights of the moment over into the frozen model, before each step whose number `lag` divides."""

    def __init__(self, frozen: Any, lag: int) -> None:
        self.frozen, self.lag = frozen, lag

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        from deepspeed.runtime.zero import GatheredParameters

        if state.global_step % self.lag == 0:
            for old, new in zip(self.frozen.parameters(), model.parameters(), strict=True):
                with GatheredParameters([new], enabled=hasattr(new, "ds_id")):
                    old.data.copy_(new.data)


def _forward(
    model: Any,
    loss: TokenLoss,
    frozen: Any,
    calls: int,
    *,
    labels: Any,
    weights: Any = None,
    num_items_in_batch: Any = None,
    measure: TokenLoss | None = None,
    rows: bool = False,
    **inputs: Any,
) -> CausalLMOutput:
    """The causal LM's forward: its decoder and the frozen model's, if any, then the loss without whole logits.

    `measure`: what is summed over the tokens in its place. `rows`: each row's mean NLL (`logits`), and no loss.
    """
    hidden_BTH = model.get_decoder()(**inputs, use_cache=False).last_hidden_state
    if rows:
        of_rows = mean_of_rows(model.get_output_embeddings(), hidden_BTH, labels, inputs["row_ends"], calls=calls)
        return CausalLMOutput(logits=of_rows)
    base = None
    if frozen is not None:
        with torch.no_grad():
            base_BTH = frozen.get_decoder()(**inputs, use_cache=False).last_hidden_state
        base = frozen.get_output_embeddings(), base_BTH
    head = model.get_output_embeddings()
    summed = summed_loss(head, hidden_BTH, labels, measure or loss, base=base, weights_BT=weights, calls=calls)
    return CausalLMOutput(loss=summed if num_items_in_batch is None else summed / num_items_in_batch)
