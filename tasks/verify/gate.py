"""The task-consistency gate r_task = v_ans · v_rea (eq. 5), as every stage opens it.

The reward, dataset assembly and Mind the Gap's self-solve check decide by `GateConfig.open()` and nothing else.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.verify.config import VerifyConfig
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.first_token import FirstTokens, NextLogprobs, Read, from_model
from tasks.verify.judges.judge import make_judge
from tasks.verify.judges.judge_prompt import GENERAL_RUBRIC
from tasks.verify.types import AnswerVerifier, Judge
from tasks.verify.verifiers import registry
from tasks.verify.verifiers.options import VerifierOptions
from tasks.verify.verify import Verifier


class GateConfig(BaseModel):
    """How answers are compared and who judges the reasoning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: VerifyConfig = Field(default_factory=VerifyConfig, description="Comparison of final answers (v_ans).")
    judge: JudgeConfig = Field(default_factory=JudgeConfig, description="Who judges the reasoning (v_rea).")
    verifier: str = Field(
        default=registry.MATH,
        description="What decides v_ans: math, multiple_choice, exact, numeric, json_schema, code (a row's unit tests, "
        "in a sandbox), instructions, refusal, judge (alone, by gate.judge.rubric), python (a function of your own "
        "file), or the name that an installed package declares.",
        json_schema_extra={"key": "unless default"},
    )
    options: VerifierOptions = Field(
        default_factory=VerifierOptions,
        description="Options of a verifier other than math.",
        json_schema_extra={"key": "unless default"},
    )

    @model_validator(mode="after")
    def _verifier_can_be_had(self) -> "GateConfig":
        try:
            registry.require_known(self.verifier, self.options)
        except ValueError as error:
            raise ValueError(f"verifier: {error}") from None
        if self.verifier == "judge" and not self.answers.reasoning:
            raise ValueError("verifier: judge decides alone, and answers.reasoning=false asks no judge: all would pass")
        if self.verifier == "judge" and self.judge.rubric is None:
            raise ValueError("verifier: judge needs a rubric: set judge.rubric to what makes an answer valid")
        if self.verifier == "judge" and self.judge.kind == "arithmetic":
            raise ValueError("verifier: judge reads a rubric, which judge.kind=arithmetic cannot: take self or openai")
        return self

    def verifier_identity(self) -> str | None:
        """What the key holds besides the config of a verifier other than math: its version."""
        return None if self.verifier == registry.MATH else registry.identity(self.verifier)

    @property
    def asked(self) -> JudgeConfig:
        """The judge as it is asked: outside of mathematics by a general rubric, where the user gives none."""
        if self.verifier == registry.MATH or self.judge.rubric is not None:
            return self.judge
        return self.judge.model_copy(update={"rubric": GENERAL_RUBRIC})

    def open_answers(self) -> AnswerVerifier:
        """What decides v_ans."""
        return registry.make(self.verifier, self.options, self.answers)

    @property
    def asks_backbone(self) -> bool:
        """Whether the backbone itself is the judge: the stages that open the gate then need it."""
        return self.judge.kind == "self" and self.answers.reasoning

    def without_judge(self) -> "GateConfig":
        """The same comparison of answers, and no judge: where v_rea is asked for elsewhere."""
        return self.model_copy(update={"answers": self.answers.model_copy(update={"reasoning": False})})

    def answers_alone(self) -> "GateConfig":
        """v_ans alone, where how an answer was reached does not matter. A judge that decides alone is all of v_ans."""
        return self if self.verifier == "judge" else self.without_judge()

    @contextmanager
    def open(self, backbone: Path | None = None, read: Read | None = None) -> Iterator[Verifier]:
        """A verifier with its judge, closed at the end.

        Args:
            backbone: folder of pi_0, which judges where the judge is of kind `self`; of no matter elsewhere.
            read: asks pi_0 where it is in memory already; left out, an engine of its own is started for it.
        """
        if not self.answers.reasoning:
            with Verifier(self.answers, answers=self.open_answers()) as verifier:
                yield verifier
            return
        answers = self.open_answers()  # what it is told may be wrong: before a judge is started
        with self.open_judge(backbone, read) as judge, Verifier(self.answers, judge, answers) as verifier:
            yield verifier

    def open_judge(self, backbone: Path | None = None, read: Read | None = None) -> AbstractContextManager[Judge]:
        """The judge alone, filtered and cached as in `open`; the arguments are those of `open`."""
        return make_judge(self.asked, backbone, read)


def read_of(config: GateConfig, model: Any, backbone: Path) -> Read | None:
    """Asks a transformers model in memory (of a PEFT model its base) where the backbone is the judge; else None.

    Args:
        backbone: the model's folder, for its tokenizer.
    """
    return from_model(model, backbone, config.judge.context, config.asked.rubric) if config.asks_backbone else None


def reader(config: GateConfig, chat: Any, next_logprobs: NextLogprobs, context: int) -> Read:
    """Asks a backbone that another engine holds, by its `ChatTokens`; `context`: tokens that the engine reads."""
    return FirstTokens(chat, next_logprobs, min(context, config.judge.context), config.asked.rubric)
