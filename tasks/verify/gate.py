"""The task-consistency gate r_task = v_ans · v_rea (eq. 5), as every stage opens it.

The reward, dataset assembly and Mind the Gap's self-solve check decide by `GateConfig.open()` and nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict, Field

from tasks.verify.config import VerifyConfig
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.judge import make_judge
from tasks.verify.verify import Verifier


class GateConfig(BaseModel):
    """How answers are compared and who judges the reasoning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: VerifyConfig = Field(default_factory=VerifyConfig, description="Comparison of final answers (v_ans).")
    judge: JudgeConfig = Field(default_factory=JudgeConfig, description="Who judges the reasoning (v_rea).")

    @contextmanager
    def open(self) -> Iterator[Verifier]:
        """A verifier with its judge, closed at the end."""
        with make_judge(self.judge) as judge, Verifier(self.answers, judge) as verifier:
            yield verifier
