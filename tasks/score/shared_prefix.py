"""Log-likelihoods under pi_0 from a transformers model: a question's prefix goes through it once for all its targets.

In:  Question(prompt=[1, 5, 9], targets=[[7, 2], [7, 8, 8, 2]])
Out: [[-3.1, -6.4]]      log pi_0(y|x) in nats

A PEFT model is scored with its adapter disabled, so pi_0 needs no second model in memory.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from transformers import DynamicCache

from tasks.score.batches import PrefixBatch, Question, TargetBatch, plan

_LOGIT_ROWS = 1024  # rows of logits in memory at once: with a vocabulary of 128k, 0.5 GB in float32

# Models that change the logits after the head; the head is applied here by hand, so they are refused.
_CHANGED_LOGITS = (
    "final_logit_softcapping",
    "logit_scale",
    "logits_scaling",
    "lm_head_multiplier",
    "output_multiplier",
)


class SharedPrefix:
    """Log-likelihoods from a transformers model: a question's prefix is computed once for all its targets."""

    def __init__(self, model: Any, tokens_per_batch: int, bucket: int) -> None:
        self.model, self.tokens_per_batch, self.bucket = model, tokens_per_batch, bucket
        config = model.config.get_text_config()
        changed = [name for name in _CHANGED_LOGITS if getattr(config, name, None) not in (None, 1, 1.0)]
        if changed:
            raise ValueError(f"{config.model_type} sets {', '.join(changed)}: NLLs of such models are not implemented")

    def log_likelihoods(self, questions: Sequence[Question]) -> list[list[float]]:
        """log pi_0(y|x) in nats, one a target of each question (0.0 for an empty one)."""
        sums = [[0.0] * len(question.targets) for question in questions]
        with torch.no_grad(), _eval(self.model), _without_adapter(self.model):
            for batch in plan(questions, self.tokens_per_batch, self.bucket):
                for item, value in self._prefix_batch(questions, batch):
                    sums[item[0]][item[1]] = value
        return sums

    def _prefix_batch(
        self, questions: Sequence[Question], batch: PrefixBatch
    ) -> Iterator[tuple[tuple[int, int], float]]:
        """Compute the prompts once, left-padded so that all end in the last column, then the targets after them."""
        prompts = [questions[i].prompt for i in batch.questions]
        ids, mask = _padded(prompts, batch.rows, batch.length, self.model.device, left=True)
        lengths = mask.sum(dim=1)
        positions = (torch.arange(batch.length, device=ids.device) - (batch.length - lengths)[:, None]).clamp(min=0)
        decoder = _causal(self.model).get_decoder()
        output = decoder(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, past_key_values=DynamicCache()
        )
        # Whole prefixes are kept: a cache without sliding windows, which the attention mask accounts for.
        prefix = [(layer.keys, layer.values) for layer in output.past_key_values.layers]
        last = output.last_hidden_state[:, -1]
        row_of = {question: row for row, question in enumerate(batch.questions)}
        for targets in batch.targets:
            rows = [row_of[question] for question, _ in targets.items]
            index = torch.tensor(rows + [rows[0]] * (targets.rows - len(rows)), device=ids.device)
            kept = [(keys[index], values[index]) for keys, values in prefix]
            values = self._target_batch(questions, targets, kept, last[index], mask[index], lengths[index])
            yield from zip(targets.items, values, strict=True)

    def _target_batch(
        self,
        questions: Sequence[Question],
        batch: TargetBatch,
        prefix: list[tuple[torch.Tensor, torch.Tensor]],
        last: torch.Tensor,
        prefix_mask: torch.Tensor,
        prefix_lengths: torch.Tensor,
    ) -> list[float]:
        """Sums of the log-probabilities of the batch's targets; `last` (rows, hidden) predicts their first tokens."""
        targets = [questions[i].targets[k] for i, k in batch.items]
        ids, mask = _padded(targets, batch.rows, batch.length, last.device, left=False)
        positions = prefix_lengths[:, None] + torch.arange(batch.length, device=ids.device)
        causal = _causal(self.model)
        hidden = causal.get_decoder()(
            input_ids=ids,
            attention_mask=torch.cat([prefix_mask, mask], dim=1),
            position_ids=positions,
            use_cache=True,
            past_key_values=DynamicCache(prefix),
        ).last_hidden_state
        states = torch.cat([last[:, None], hidden[:, :-1]], dim=1).flatten(0, 1)
        logprobs = _token_logprobs(causal.get_output_embeddings(), states, ids.flatten(), mask.flatten())
        sums = logprobs.view(ids.shape).double().sum(dim=1)
        return [float(value) for value in sums[: len(targets)].tolist()]


def _token_logprobs(head: Any, states: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """log-probability of ids[i] under the distribution that states[i] gives, 0 where the mask is; shape (n,)."""
    result = torch.zeros(ids.shape, dtype=torch.float32, device=ids.device)
    wanted = mask.nonzero()[:, 0]
    for start in range(0, len(wanted), _LOGIT_ROWS):
        chunk = wanted[start : start + _LOGIT_ROWS]
        logits = head(states[chunk]).float()
        picked = logits.gather(1, ids[chunk, None])[:, 0]
        result[chunk] = picked - logits.logsumexp(dim=1)
    return result


def _padded(
    rows: Sequence[Sequence[int]], count: int, length: int, device: Any, *, left: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask of shape (count, length); rows beyond the given ones repeat the first."""
    ids = torch.zeros((count, length), dtype=torch.long)
    mask = torch.zeros((count, length), dtype=torch.long)
    for i in range(count):
        row = rows[i] if i < len(rows) else rows[0]
        place = slice(length - len(row), length) if left else slice(0, len(row))
        ids[i, place] = torch.tensor(row, dtype=torch.long)
        mask[i, place] = 1
    return ids.to(device), mask.to(device)


def _causal(model: Any) -> Any:
    """The causal LM itself, out of its PEFT wrapper."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _without_adapter(model: Any) -> AbstractContextManager[Any]:
    return model.disable_adapter() if hasattr(model, "disable_adapter") else nullcontext()


@contextmanager
def _eval(model: Any) -> Iterator[None]:
    """Evaluation mode while it lasts: no dropout, and gradient checkpointing does not switch the cache off."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
