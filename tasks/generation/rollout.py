"""Sampling K rewrites a prompt from a transformers model: the prompt is read once for its K candidates.

In:  prompts [[1, 5, 9], [1, 7]], K = 2
Out: [Rollout(ids=[7, 2], logprobs=[-0.1, -0.9], finished=True), …]      prompt by prompt, K in a row

transformers' `generate` reads a prompt K times, keeps finished rows to the end and gives no log-probabilities without
keeping all logits; the canary needs the log-probabilities under which the tokens were drawn.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from tasks.rows.memory import ROLLOUT_CACHE, ROLLOUT_SHARE

_SHRINK = 0.75  # share of rows still going below which the others leave the batch
_BLOCK = 512  # tokens by which the memory of keys and values grows


@dataclass(frozen=True, slots=True)
class Rollout:
    """A sampled rewrite: token ids with the stop token if it came, and log-probabilities (nats) when drawn."""

    ids: list[int]
    logprobs: list[float]
    finished: bool


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn: `temperature` 0 takes the most likely one."""

    max_new_tokens: int
    temperature: float
    stop_ids: tuple[int, ...]


def sample(
    model: Any, prompts: Sequence[Sequence[int]], k: int, sampling: Sampling, generator: torch.Generator | None = None
) -> list[Rollout]:
    """K rollouts of each prompt, in the order of the prompts.

    Args:
        model: a causal LM, or a PEFT model around one, whose adapter is then the policy.
        prompts: token ids, generation prompt included.
        k: rollouts a prompt.
        sampling: length, temperature and stop tokens.
        generator: of torch, on the model's device; the default one where None.
    """
    training = model.training
    model.eval()
    size = prompts_at_once(model, max(map(len, prompts)) + sampling.max_new_tokens, k)
    rollouts: list[Rollout] = []
    try:
        with torch.no_grad(), merged(model):
            for start in range(0, len(prompts), size):
                rollouts += _decode(model, prompts[start : start + size], k, sampling, generator)
    finally:
        model.train(training)
    return rollouts


def prompts_at_once(model: Any, tokens: int, k: int) -> int:
    """Prompts whose K rollouts of `tokens` tokens each have room for their keys and values at once; at least one.

    By the machine's whole memory, not by what is free: a resumed attempt then draws the same.
    """
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    per_token = 2 * config.num_hidden_layers * heads * width * model.dtype.itemsize
    if model.device.type == "cuda":
        memory = ROLLOUT_SHARE * torch.cuda.get_device_properties(model.device).total_memory
    else:
        memory = ROLLOUT_CACHE
    return max(1, int(memory / (per_token * tokens * k)))


def _decode(
    model: Any, prompts: Sequence[Sequence[int]], k: int, sampling: Sampling, generator: torch.Generator | None
) -> list[Rollout]:
    device, count = model.device, len(prompts) * k
    logits, cache, mask = read_prompts(model, prompts, k, sampling.max_new_tokens)
    lengths = mask.sum(dim=1)
    mask = torch.nn.functional.pad(mask, (0, sampling.max_new_tokens), value=1)
    width = mask.size(1) - sampling.max_new_tokens
    rows = torch.arange(count, device=device)  # which rollout each row of the batch is
    going = torch.ones(count, dtype=torch.bool, device=device)
    stop = torch.tensor(sampling.stop_ids, device=device)
    drawn: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for step in range(sampling.max_new_tokens):
        tokens, logprobs = _draw(logits, sampling.temperature, generator)
        drawn.append((rows[going], tokens[going], logprobs[going]))
        going = going & ~torch.isin(tokens, stop)
        left = int(going.sum())
        if not left or step + 1 == sampling.max_new_tokens:
            break
        if left <= _SHRINK * len(rows):  # finished rows leave the batch, some at a time: each time copies the cache
            kept = going.nonzero()[:, 0]
            rows, tokens, mask, lengths, going = rows[kept], tokens[kept], mask[kept], lengths[kept], going[kept]
            cache.batch_select_indices(kept)
        output = model(
            input_ids=tokens[:, None],
            attention_mask=mask[:, : width + step + 1],
            position_ids=(lengths + step)[:, None],
            past_key_values=cache,
            use_cache=True,
        )
        logits = output.logits[:, -1]
    ids: list[list[int]] = [[] for _ in range(count)]
    values: list[list[float]] = [[] for _ in range(count)]
    for at, tokens, logprobs in drawn:
        for row, token, value in zip(at.tolist(), tokens.tolist(), logprobs.tolist(), strict=True):
            ids[row].append(token)
            values[row].append(value)
    stops = set(sampling.stop_ids)
    return [Rollout(i, v, i[-1] in stops) for i, v in zip(ids, values, strict=True)]


def read_prompts(
    model: Any, prompts: Sequence[Sequence[int]], k: int, room: int
) -> tuple[torch.Tensor, DynamicCache, torch.Tensor]:
    """Logits after each prompt, its keys and values with `room` to write, its mask; each prompt repeated K times."""
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.zeros((len(prompts), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, prompt in enumerate(prompts):
        ids[i, longest - len(prompt) :] = torch.tensor(prompt)
        mask[i, longest - len(prompt) :] = 1
    ids, mask = ids.to(model.device), mask.to(model.device)
    output = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
        past_key_values=DynamicCache(),
        use_cache=True,
        logits_to_keep=1,
    )
    cache = DynamicCache()
    cache.layers = [_Reserved(layer.keys, layer.values, k, room) for layer in output.past_key_values.layers]
    return output.logits[:, -1].repeat_interleave(k, dim=0), cache, mask.repeat_interleave(k, dim=0)


class _Reserved(DynamicLayer):
    """Keys and values of a layer in memory reserved in blocks.

    DynamicLayer appends by copying all it holds for every token (transformers 5.19): 40 % of a rollout on a CPU.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, k: int, room: int) -> None:
        super().__init__()
        self.length, self.room = keys.size(2), room
        self.memory = [states.repeat_interleave(k, dim=0) for states in (keys, values)]
        self._grow()
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self._show()

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        new = key_states.size(2)
        if self.length + new > self.memory[0].size(2):
            self._grow()
        for memory, states in zip(self.memory, (key_states, value_states), strict=True):
            memory[:, :, self.length : self.length + new] = states
        self.length += new
        self._show()
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        self.memory = [memory[indices] for memory in self.memory]
        self._show()

    def _grow(self) -> None:
        block = min(self.room, _BLOCK)
        self.room -= block
        self.memory = [torch.nn.functional.pad(states, (0, 0, 0, block)) for states in self.memory]

    def _show(self) -> None:
        self.keys, self.values = (memory[:, :, : self.length] for memory in self.memory)


def _draw(
    logits: torch.Tensor, temperature: float, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """A token a row and its log-probability, both under the distribution at `temperature`."""
    logprobs = (logits.float() / (temperature or 1.0)).log_softmax(dim=-1)
    if temperature == 0:
        tokens = logprobs.argmax(dim=-1)
    else:
        # One number a row instead of one a token, as torch.multinomial draws: a sixth of a rollout on a CPU.
        upto = logprobs.double().exp().cumsum(dim=-1)
        at = torch.rand(len(upto), 1, generator=generator, device=upto.device, dtype=upto.dtype) * upto[:, -1:]
        tokens = torch.searchsorted(upto, at, right=True)[:, 0].clamp(max=upto.size(1) - 1)
    return tokens, logprobs.gather(1, tokens[:, None])[:, 0]


@contextmanager
def merged(model: Any) -> Iterator[None]:
    """A PEFT model with its LoRA merged into the weights while it lasts: one product a layer instead of three.

    The weights are put back as they were, bit by bit (PEFT's own unmerging subtracts, and pi_0 would drift by rounding
    with every rollout). Only float32 weights are merged: in bfloat16 they are at their own resolution, and nearly all
    of a young adapter's changes would be rounded away.
    """
    from peft.tuners.lora import Linear as LoraLinear

    layers = [module for module in model.modules() if isinstance(module, LoraLinear)]
    if not layers or any(layer.get_base_layer().weight.dtype != torch.float32 for layer in layers):
        yield
        return
    kept = [layer.get_base_layer().weight.data for layer in layers]
    try:
        for layer, weight in zip(layers, kept, strict=True):
            delta = sum(layer.get_delta_weight(name) for name in layer.active_adapters)
            layer.get_base_layer().weight.data = weight + delta.to(weight.dtype)
        with model.disable_adapter():
            yield
    finally:
        for layer, weight in zip(layers, kept, strict=True):
            layer.get_base_layer().weight.data = weight
