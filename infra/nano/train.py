"""Instruction-tune nano from random weights: float32, Muon and AdamW, batches of a few fixed shapes.

A new sequence length makes oneDNN compile anew, so rows are padded to one of WIDTHS; a batch has one width.
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from infra.nano.recipe import NanoConfig
from infra.nano.vocabulary import encode_chat
from infra.nano.world import World
from tasks.runtime.progress.progress import report

WIDTHS = (48, 64, 96, 128, 192)
_IGNORE = -100


def batches(world: World, tokenizer: PreTrainedTokenizerFast) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """(ids [B, W], labels [B, W]) without end, W of WIDTHS, B*W = `tokens_per_step`; prompts are not trained."""
    waiting: dict[int, list[tuple[list[int], list[int]]]] = {width: [] for width in WIDTHS}
    for row in world.pretraining():
        prompt, target = encode_chat(tokenizer, row.prompt, row.target)
        length = len(prompt) + len(target)
        if length > WIDTHS[-1]:
            raise ValueError(f"pretraining row of {length} tokens, more than {WIDTHS[-1]}: {row.prompt[-200:]!r}")
        width = next(w for w in WIDTHS if length <= w)
        waiting[width].append((prompt, target))
        if len(waiting[width]) == world.config.tokens_per_step // width:
            yield _pad(waiting[width], width)
            waiting[width] = []


def _pad(rows: list[tuple[list[int], list[int]]], width: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), _IGNORE)
    for i, (prompt, target) in enumerate(rows):
        ids[i, : len(prompt) + len(target)] = torch.tensor(prompt + target)
        labels[i, len(prompt) : len(prompt) + len(target)] = torch.tensor(target)
    return ids, labels


def new_model(config: NanoConfig, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama with random weights of the recipe's shape."""
    torch.manual_seed(config.seed)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden,
        intermediate_size=config.intermediate,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        max_position_embeddings=config.context,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="sdpa",
        dtype="float32",
    )
    return LlamaForCausalLM(shape)


def loss_of(model: LlamaForCausalLM, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean NLL per target token (nats). Padding is on the right, so causal attention needs no mask."""
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    wanted = labels[:, 1:] != _IGNORE
    # Logits of target positions only: the vocabulary's matrix product is a good part of the cost.
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[wanted]), labels[:, 1:][wanted])


def _optimizers(config: NanoConfig, model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices (two thirds of AdamW's steps for the same loss here), AdamW for the rest."""
    embeddings = list(model.model.embed_tokens.parameters())
    matrices = [p for p in model.model.layers.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    rest = [{"params": embeddings, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    return [
        torch.optim.Muon(matrices, lr=config.muon_rate, weight_decay=0.1),
        torch.optim.AdamW(rest, lr=config.learning_rate, betas=(0.9, 0.98), fused=True),
    ]


def train(config: NanoConfig, world: World, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Train to the end of the schedule; about 12 minutes on two quiet cores."""
    model = new_model(config, tokenizer)
    optimizers = _optimizers(config, model)
    peaks = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    losses: list[float] = []
    started = time.monotonic()
    model.train()
    for step, (ids, labels) in zip(range(config.steps), batches(world, tokenizer), strict=False):
        warm = min(1.0, (step + 1) / config.warmup)
        factor = warm * 0.5 * (1 + math.cos(math.pi * step / config.steps))
        for optimizer, rates in zip(optimizers, peaks, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        loss = loss_of(model, ids, labels)
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
        if step % 50 == 49:
            report(step + 1, config.steps, "steps", loss=sum(losses[-50:]) / 50, seconds=time.monotonic() - started)
    return model.eval()


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write the transformers directory: float32 safetensors, tokenizer, chat template, greedy generation settings."""
    model.generation_config.do_sample = False
    model.save_pretrained(out, safe_serialization=True)
    tokenizer.save_pretrained(out)
