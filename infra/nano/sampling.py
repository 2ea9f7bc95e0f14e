"""Generate with a transformers model and score text under pi_0(.|x): for measuring the base, in float32 on CPU.

generate(model, tokenizer, prompts, temperature=1.0)   ["First, 3 * 4 = 12. ...", None, ...]   None: unfinished
mean_nll(model, tokenizer, prompts, targets)           array([0.08, ...])                      nats per token
"""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from infra.nano.vocabulary import encode_chat, encode_prompt

_BATCH = 100


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    temperature: float = 0.0,
    seed: int = 0,
    max_new_tokens: int = 96,
) -> list[str | None]:
    """One completion a prompt, greedy at temperature 0; None where no end of turn came within the limit."""
    torch.manual_seed(seed)
    encoded = [encode_prompt(tokenizer, prompt) for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(encoded[i]))
    texts: list[str | None] = [None] * len(prompts)
    sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature else {}
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        width = max(len(encoded[i]) for i in rows)
        ids = torch.full((len(rows), width), tokenizer.pad_token_id)
        for at, i in enumerate(rows):
            ids[at, width - len(encoded[i]) :] = torch.tensor(encoded[i])
        mask = (ids != tokenizer.pad_token_id).long()
        out = model.generate(ids, attention_mask=mask, max_new_tokens=max_new_tokens, **sampling)[:, width:]
        for i, completion in zip(rows, out.tolist(), strict=True):
            if tokenizer.eos_token_id in completion:
                completion = completion[: completion.index(tokenizer.eos_token_id)]
                texts[i] = tokenizer.decode(completion)
    return texts


@torch.inference_mode()
def mean_nll(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str], targets: Sequence[str]
) -> np.ndarray:
    """Mean NLL per token (eq. 6, nats) of each target, end of turn included, after its prompt; shape [rows]."""
    scores = []
    for prompt, target in zip(prompts, targets, strict=True):
        context, answer = encode_chat(tokenizer, prompt, target)
        logits = model(torch.tensor([context + answer])).logits[0, len(context) - 1 : -1]
        scores.append(torch.nn.functional.cross_entropy(logits, torch.tensor(answer)).item())
    return np.array(scores)
