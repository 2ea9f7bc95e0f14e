"""The probabilities with which a backbone begins its answer by yes and by no, one forward pass a candidate.

In:  [JudgeItem(id="r1#0", question="…", gold="72", solution="48/2 = 24 …"), …], the K candidates of a question near
Out: [Reading(yes=-0.31, no=-1.62, tokens=412), …]        log-probabilities in nats

Whichever engine computes them (transformers, the trainer's own model, verl's actor, vLLM) gives `NextLogprobs`; the
prompt's tokens, what is shared between candidates, and what does not fit are decided here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.score.batches import Question
from tasks.verify.judges.self_prompt import answer_tokens, self_prompt
from tasks.verify.types import JudgeItem

if TYPE_CHECKING:  # its tokenizer is of the engines
    from tasks.rows.tokens import ChatTokens

# log pi_0(v | prompt, target) of each of the given tokens v, for each target of each question.
NextLogprobs = Callable[[Sequence[Question], Sequence[int]], list[list[list[float]]]]


@dataclass(frozen=True, slots=True)
class Reading:
    """log P of an answer that begins with yes, and with no; `error` says why there is none. `tokens` of the prompt."""

    yes: float = float("nan")
    no: float = float("nan")
    tokens: int = 0
    error: str | None = None


# Asks pi_0, wherever it is: one reading an item, in order.
Read = Callable[[Sequence[JudgeItem]], list[Reading]]


class FirstTokens:
    """Reads pi_0's first answer token for judge items, through any engine."""

    def __init__(
        self, chat: "ChatTokens", next_logprobs: NextLogprobs, context: int, rubric: str | None = None
    ) -> None:
        """`context`: tokens that the prompt and its answer may have; 0 for no limit. `rubric`: of the prompt.

        Raises:
            AnswerTokenError: the tokenizer has no single token for yes or no.
        """
        self.chat, self.next_logprobs, self.context, self.rubric = chat, next_logprobs, context, rubric
        self.answers = answer_tokens(chat.tokenizer)

    def __call__(self, items: Sequence[JudgeItem]) -> list[Reading]:
        """One reading an item, in order; an item that does not fit the context has an `error`."""
        prompts = [self.chat.prompt(self_prompt(item, self.answers.words, self.rubric)) for item in items]
        readings = [Reading(tokens=len(prompt), error=self._misfit(prompt)) for prompt in prompts]
        groups: dict[tuple[str, str], list[int]] = {}
        for at, item in enumerate(items):
            if readings[at].error is None:
                groups.setdefault((item.question, item.gold), []).append(at)
        questions = [_question([prompts[at] for at in group]) for group in groups.values()]
        count = len(self.answers.yes)
        found = self.next_logprobs(questions, [*self.answers.yes, *self.answers.no])
        for group, of_question in zip(groups.values(), found, strict=True):
            for at, logprobs in zip(group, of_question, strict=True):
                readings[at] = Reading(_logsumexp(logprobs[:count]), _logsumexp(logprobs[count:]), len(prompts[at]))
        return readings

    def _misfit(self, prompt: list[int]) -> str | None:
        if self.context and len(prompt) + 1 > self.context:
            return f"prompt of {len(prompt)} tokens and one of answer do not fit the judge's context of {self.context}"
        return None


def from_model(model: Any, folder: Path, context: int, rubric: str | None = None) -> FirstTokens:
    """Readings of a transformers causal LM in memory, or of the base of a PEFT model, whose adapter is disabled.

    Args:
        folder: the model's tokenizer and chat template.
        context: tokens of prompt and answer together at most; the model's own limit where that is lower.
    """
    from tasks.rows.tokens import ChatTokens
    from tasks.score.load import context_of
    from tasks.score.nll import TOKENS_PER_BATCH
    from tasks.score.shared_prefix import SharedPrefix

    tokens = TOKENS_PER_BATCH["cuda" if model.device.type == "cuda" else "cpu"]
    limits = [limit for limit in (context, context_of(model.config)) if limit]
    return FirstTokens(ChatTokens(folder), SharedPrefix(model, tokens, 8).next_logprobs, min(limits, default=0), rubric)


def _question(prompts: list[list[int]]) -> Question:
    """Prompts as what they have in common, at most all but the last token, and what follows in each."""
    shortest = min(len(prompt) for prompt in prompts) - 1
    first, last = min(prompts), max(prompts)  # what these two share, all share
    common = next((i for i in range(shortest) if first[i] != last[i]), shortest)
    return Question(first[:common], [prompt[common:] for prompt in prompts])


def _logsumexp(values: Sequence[float]) -> float:
    return float(np.logaddexp.reduce(values))
