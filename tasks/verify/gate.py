"""The task-consistency gate r_task = v_ans · v_rea (eq. 5), as every stage opens it.

The reward, dataset assembly and Mind the Gap's self-solve check decide by `GateConfig.open()` and nothing else.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tasks.verify.config import VerifyConfig
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.first_token import FirstTokens, NextLogprobs, Read, from_model
from tasks.verify.judges.judge import make_judge
from tasks.verify.types import Judge
from tasks.verify.verify import Verifier


class GateConfig(BaseModel):
    """How answers are compared and who judges the reasoning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: VerifyConfig = Field(default_factory=VerifyConfig, description="Comparison of final answers (v_ans).")
    judge: JudgeConfig = Field(default_factory=JudgeConfig, description="Who judges the reasoning (v_rea).")

    @property
    def asks_backbone(self) -> bool:
        """Whether the backbone itself is the judge: the stages that open the gate then need it."""
        return self.judge.kind == "self" and self.answers.reasoning

    def without_judge(self) -> "GateConfig":
        """The same comparison of answers, and no judge: where v_rea is asked for elsewhere."""
        return self.model_copy(update={"answers": self.answers.model_copy(update={"reasoning": False})})

    @contextmanager
    def open(self, backbone: Path | None = None, read: Read | None = None) -> Iterator[Verifier]:
        """A verifier with its judge, closed at the end.

        Args:
            backbone: folder of pi_0, which judges where the judge is of kind `self`; of no matter elsewhere.
            read: asks pi_0 where it is in memory already; left out, an engine of its own is started for it.
        """
        if not self.answers.reasoning:
            with Verifier(self.answers) as verifier:
                yield verifier
            return
        with self.open_judge(backbone, read) as judge, Verifier(self.answers, judge) as verifier:
            yield verifier

    def open_judge(self, backbone: Path | None = None, read: Read | None = None) -> AbstractContextManager[Judge]:
        """The judge alone, filtered and cached as in `open`; the arguments are those of `open`."""
        return make_judge(self.judge, backbone, read)


def read_of(config: GateConfig, model: Any, backbone: Path) -> Read | None:
    """Asks a transformers model in memory (of a PEFT model its base) where the backbone is the judge; else None.

    Args:
        backbone: the model's folder, for its tokenizer.
    """
    return from_model(model, backbone, config.judge.context) if config.asks_backbone else None


def reader(config: GateConfig, chat: Any, next_logprobs: NextLogprobs, context: int) -> Read:
    """Asks a backbone that another engine holds, by its `ChatTokens`; `context`: tokens that the engine reads."""
    return FirstTokens(chat, next_logprobs, min(context, config.judge.context))
