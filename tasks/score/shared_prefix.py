"""Token log-probabilities from a transformers model: a prompt goes through it once for all its targets.

In:  Question(prompt=[1, 5, 9], targets=[[7, 2], [7, 8, 8, 2]])
Out: log pi(y_t | x, y_<t) in nats, one tensor a batch of targets; with gradients where they are enabled

pi_0's NLL (tasks/score/nll.py) sums them with the adapter disabled; GRPO's update differentiates them with the adapter
on, where a prompt of K candidates would otherwise be read K times.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache

from tasks.rows.memory import CHUNK
from tasks.score.batches import PrefixBatch, Question, TargetBatch, plan

_LARGE_VOCABULARY = 16_384  # from here on the backward pass computes logits again instead of keeping them

# Models that change the logits after the head; the head is applied here by hand, so they are refused.
_CHANGED_LOGITS = (
    "final_logit_softcapping",
    "logit_scale",
    "logits_scaling",
    "lm_head_multiplier",
    "output_multiplier",
)


@dataclass(frozen=True)
class TokenLogprobs:
    """`logprobs` and `entropies` have shape (rows, length): row i is target `items[i]`, zero beyond its end."""

    items: list[tuple[int, int]]
    logprobs: torch.Tensor
    entropies: torch.Tensor | None


class SharedPrefix:
    """A transformers causal LM, or a PEFT model around one, that reads each prompt once for all its targets."""

    def __init__(self, model: Any, tokens_per_batch: int, bucket: int) -> None:
        """`tokens_per_batch`: padded tokens in a pass; `bucket`: lengths are padded to a multiple of it.

        Raises:
            ValueError: the model scales or caps its logits, which is not implemented here.
        """
        self.model, self.tokens_per_batch, self.bucket = model, tokens_per_batch, bucket
        check_logits(model)

    def log_likelihoods(self, questions: Sequence[Question]) -> list[list[float]]:
        """log pi_0(y|x) in nats, adapter disabled, one a target of each question (0.0 for an empty one)."""
        sums = [[0.0] * len(question.targets) for question in questions]
        with torch.no_grad(), _eval(self.model), _without_adapter(self.model):
            for batch in self.token_logprobs(questions):
                values = batch.logprobs.double().sum(dim=1).tolist()
                for (question, target), value in zip(batch.items, values, strict=True):
                    sums[question][target] = value
        return sums

    def token_logprobs(
        self, questions: Sequence[Question], temperature: float = 1.0, entropies: bool = False
    ) -> Iterator[TokenLogprobs]:
        """Every non-empty target once, batch by batch, with the adapter as it is."""
        for batch in plan(questions, self.tokens_per_batch, self.bucket):
            yield from self._prefix_batch(questions, batch, temperature, entropies)

    def next_logprobs(self, questions: Sequence[Question], tokens: Sequence[int]) -> list[list[list[float]]]:
        """log pi_0(v|x, y) in nats of each of `tokens`, right after each target y, adapter disabled.

        Raises:
            ValueError: a target is empty: nothing of it is read, so nothing can follow it.
        """
        if any(not target for question in questions for target in question.targets):
            raise ValueError("a target is empty: leave its last token out of the prompt")
        found: list[list[list[float]]] = [[[] for _ in question.targets] for question in questions]
        with torch.no_grad(), _eval(self.model), _without_adapter(self.model):
            head = _causal(self.model).get_output_embeddings()
            for batch in plan(questions, self.tokens_per_batch, self.bucket):
                for states in self._passes(questions, batch):
                    count = len(states.items)
                    rows = torch.arange(count, device=states.hidden.device)
                    ends = states.mask[:count].sum(dim=1) - 1
                    logprobs = head(states.hidden[rows, ends]).float().log_softmax(dim=1)[:, list(tokens)]
                    for (question, target), values in zip(states.items, logprobs.double().tolist(), strict=True):
                        found[question][target] = values
        return found

    def _prefix_batch(
        self, questions: Sequence[Question], batch: PrefixBatch, temperature: float, entropies: bool
    ) -> Iterator[TokenLogprobs]:
        """What predicts a target's token is the state before it: the prompt's last one, then the target's own."""
        for states in self._passes(questions, batch):
            before = torch.cat([states.last[:, None], states.hidden[:, :-1]], dim=1)
            head = _causal(self.model).get_output_embeddings()
            logprobs, entropy = _token_logprobs(head, before, states.ids, states.mask, temperature, entropies)
            count = len(states.items)
            yield TokenLogprobs(states.items, logprobs[:count], None if entropy is None else entropy[:count])

    def _passes(self, questions: Sequence[Question], batch: PrefixBatch) -> "Iterator[_States]":
        """Compute the prompts once, left-padded so that all end in the last column, then the targets after them."""
        prompts = [questions[i].prompt for i in batch.questions]
        ids, mask = _padded(prompts, batch.rows, batch.length, self.model.device, left=True)
        lengths = mask.sum(dim=1)
        positions = (torch.arange(batch.length, device=ids.device) - (batch.length - lengths)[:, None]).clamp(min=0)
        decoder = _causal(self.model).get_decoder()
        # Whole prefixes are kept: a cache without sliding windows, which the attention mask accounts for.
        output = decoder(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, past_key_values=DynamicCache()
        )
        prefix = [(layer.keys, layer.values) for layer in output.past_key_values.layers]
        last = output.last_hidden_state[:, -1]
        row_of = {question: row for row, question in enumerate(batch.questions)}
        for targets in batch.targets:
            rows = [row_of[question] for question, _ in targets.items]
            index = torch.tensor(rows + [rows[0]] * (targets.rows - len(rows)), device=ids.device)
            kept = DynamicCache([(keys[index], values[index]) for keys, values in prefix])
            yield self._states(questions, targets, kept, last[index], mask[index], lengths[index])

    def _states(
        self,
        questions: Sequence[Question],
        batch: TargetBatch,
        prefix: DynamicCache,
        last: torch.Tensor,
        prefix_mask: torch.Tensor,
        prefix_lengths: torch.Tensor,
    ) -> "_States":
        targets = [questions[i].targets[k] for i, k in batch.items]
        ids, mask = _padded(targets, batch.rows, batch.length, last.device, left=False)
        hidden = (
            _causal(self.model)
            .get_decoder()(
                input_ids=ids,
                attention_mask=torch.cat([prefix_mask, mask], dim=1),
                position_ids=prefix_lengths[:, None] + torch.arange(batch.length, device=ids.device),
                use_cache=True,
                past_key_values=prefix,
            )
            .last_hidden_state
        )
        return _States(batch.items, last, hidden, ids, mask)


@dataclass(frozen=True)
class _States:
    """One pass over targets: the state `last` (rows, hidden) at each prompt's end, `hidden` (rows, length, hidden) at
    the targets' tokens, their `ids` and `mask` (rows, length)."""

    items: list[tuple[int, int]]
    last: torch.Tensor
    hidden: torch.Tensor
    ids: torch.Tensor
    mask: torch.Tensor


def check_logits(model: Any) -> None:
    """Raises ValueError where the model scales or caps its logits: the head is applied by hand here."""
    config = model.config.get_text_config()
    changed = [name for name in _CHANGED_LOGITS if getattr(config, name, None) not in (None, 1, 1.0)]
    if changed:
        raise ValueError(f"{config.model_type} sets {', '.join(changed)}: such models are not implemented")


def _token_logprobs(
    head: Any, states: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor, temperature: float, entropies: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """log-probability and entropy of the distribution that states[i, t] gives, of ids[i, t]; 0 where the mask is."""
    flat_states, flat_ids = states.flatten(0, 1), ids.flatten()
    wanted = mask.flatten().nonzero()[:, 0]
    found, entropy = [], []
    large = torch.is_grad_enabled() and head.weight.shape[0] >= _LARGE_VOCABULARY
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        arguments = (head, flat_states[chunk], flat_ids[chunk], temperature, entropies)
        logprobs, h = checkpoint(_chunk, *arguments, use_reentrant=False) if large else _chunk(*arguments)
        found.append(logprobs)
        entropy.append(h)
    empty = torch.zeros(flat_ids.shape, dtype=torch.float32, device=ids.device)
    values = empty.index_put((wanted,), torch.cat(found)).view(ids.shape)
    return values, empty.index_put((wanted,), torch.cat(entropy)).view(ids.shape) if entropies else None


def _chunk(
    head: Any, states: torch.Tensor, ids: torch.Tensor, temperature: float, entropies: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    logits = head(states).float()
    if temperature != 1.0:
        logits = logits / temperature
    normaliser = logits.logsumexp(dim=1)
    logprobs = logits.gather(1, ids[:, None])[:, 0] - normaliser
    if not entropies:
        return logprobs, logprobs
    with torch.no_grad():  # for the log only
        entropy = normaliser - (torch.softmax(logits, dim=1) * logits).sum(dim=1)
    return logprobs, entropy


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
