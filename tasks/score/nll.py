"""Length-normalised NLL under pi_0 of the plain question (eq. 6), for a model that is in memory.

In:  Target(id="r1#0", question="What is 2+3?", text="2+3=5 …", finished=True)
Out: Score(id="r1#0", nll=0.41, ids=[12, …])   nats per token; |y| = 9 counts the end of turn

The prompt is `question_prompt(x)` through the chat template, the target the text tokenised after the generation
prompt: what SFT trains on, so nll * tokens is the SFT engine's loss of that row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.rows.prompts import MATH, question_prompt
from tasks.rows.tokens import ChatTokens
from tasks.score.batches import Question
from tasks.score.load import context_of
from tasks.score.packed_rows import PackedRows
from tasks.score.rows_attention import is_plain
from tasks.score.shared_prefix import SharedPrefix


@dataclass(frozen=True, slots=True)
class Target:
    """A text to be scored as the answer to `question`; `finished` is False for a truncated one."""

    id: str
    question: str
    text: str
    finished: bool = True
    domain: str = MATH


@dataclass(frozen=True, slots=True)
class Score:
    """`nll` in nats per token (eq. 6), nan for an empty truncated target; `ids` are y's tokens."""

    id: str
    nll: float
    ids: list[int]

    @property
    def tokens(self) -> int:
        """|y|, with the end of turn."""
        return len(self.ids)


class TooLong(ValueError):
    """A prompt with its target is longer than the model's context."""


# On a CPU a pass should stay within its caches; a GPU wants it large.
TOKENS_PER_BATCH = {"cpu": 3072, "cuda": 32768}

LogLikelihoods = Callable[[Sequence[Question]], list[list[float]]]


class NLLScorer:
    """Scores targets under pi_0(.|x), whichever engine computes the log-likelihoods."""

    def __init__(self, chat: ChatTokens, log_likelihoods: LogLikelihoods, context: int) -> None:
        """`log_likelihoods`: log pi_0(y|x) in nats of each question's targets. `context`: tokens, 0 for no limit."""
        self.chat, self.log_likelihoods, self.context = chat, log_likelihoods, context

    @classmethod
    def from_model(
        cls,
        model: Any,
        chat: ChatTokens,
        *,
        tokens_per_batch: int | None = None,
        bucket: int = 8,
        packed: bool = False,
    ) -> "NLLScorer":
        """A scorer for a transformers causal LM, or a PEFT model around one, on any device.

        `packed`: the model serves for scoring alone; questions with one target each go through it without padding,
        where its attention is plain.

        Raises:
            ValueError: the model scales or caps its logits, which is not implemented here.
        """
        default = TOKENS_PER_BATCH["cuda" if model.device.type == "cuda" else "cpu"]
        tokens, context = tokens_per_batch or default, context_of(model.config)
        shared = SharedPrefix(model, tokens, bucket)
        if not packed or not is_plain(model.config):
            return cls(chat, shared.log_likelihoods, context)
        single = PackedRows(model, tokens)

        def log_likelihoods(questions: Sequence[Question]) -> list[list[float]]:
            alone = [place for place, question in enumerate(questions) if len(question.targets) == 1]
            others = [place for place, question in enumerate(questions) if len(question.targets) != 1]
            found = dict(zip(alone, single.log_likelihoods([questions[place] for place in alone]), strict=True))
            found |= zip(others, shared.log_likelihoods([questions[place] for place in others]), strict=True)
            return [found[place] for place in range(len(questions))]

        return cls(chat, log_likelihoods, context)

    def score(self, targets: Sequence[Target]) -> list[Score]:
        """One score a target, in order.

        Raises:
            TooLong: a prompt with its target does not fit the model's context; nothing is ever cut.
        """
        ids = [self.chat.target(target.text, target.finished) for target in targets]
        # Questions in order of first appearance; in each, its different targets: identical rewrites are scored once.
        asked: dict[tuple[str, str], dict[tuple[int, ...], int]] = {}
        places = []
        for target, target_ids in zip(targets, ids, strict=True):
            of = target.question, target.domain
            different = asked.setdefault(of, {})
            places.append((of, different.setdefault(tuple(target_ids), len(different))))
        questions = [Question(self.prompt(*text), list(different)) for text, different in asked.items()]
        prompt_lengths = {text: len(question.prompt) for text, question in zip(asked, questions, strict=True)}
        for target, target_ids in zip(targets, ids, strict=True):
            self._check(target.id, prompt_lengths[target.question, target.domain] + len(target_ids))
        sums = dict(zip(asked, self.log_likelihoods(questions), strict=True))
        scores = []
        for target, target_ids, (question, place) in zip(targets, ids, places, strict=True):
            length = len(target_ids)
            nll = -sums[question][place] / length if length else float("nan")
            scores.append(Score(target.id, nll, target_ids))
        return scores

    def prompt(self, question: str, domain: str = MATH) -> list[int]:
        """Token ids of pi_0's condition x."""
        return self.chat.prompt(question_prompt(question, domain))

    def misfit(self, target: Target) -> str | None:
        """Why the target cannot be scored, or None."""
        return misfit(self.chat, self.context, target)

    def _check(self, row: str, tokens: int) -> None:
        if reason := _too_long(self.context, row, tokens):
            raise TooLong(reason)


def misfit(chat: ChatTokens, context: int, target: Target) -> str | None:
    """Why a model of `context` tokens (0: without a limit) cannot score the target, or None."""
    prompt = chat.prompt(question_prompt(target.question, target.domain))
    return _too_long(context, target.id, len(prompt) + len(chat.target(target.text, target.finished)))


def _too_long(context: int, row: str, tokens: int) -> str | None:
    if not context or tokens <= context:
        return None
    return f"row {row}: prompt and target are {tokens} tokens, the model's context is {context}"
