"""Whether a judge can be used at all: it is asked for two verdicts before a run relies on it."""

import logging
from collections.abc import Sequence

from tasks.verify.types import JudgeItem, ReasoningVerdict

logger = logging.getLogger(__name__)

CANARIES = (
    JudgeItem("canary/right", "Ann has 2 pens and buys 2 more. How many has she?", "4", "2 + 2 = 4. \\boxed{4}"),
    JudgeItem("canary/wrong", "Ann has 2 pens and buys 2 more. How many has she?", "4", "2 + 2 = 5. \\boxed{5}"),
)


class JudgeUnavailable(RuntimeError):
    """The judge cannot be used: says what was tried and what to do."""


def require_verdicts(verdicts: Sequence[ReasoningVerdict], judge: str) -> None:
    """Raise JudgeUnavailable unless `judge` decided both canaries; warn if it decided them wrongly."""
    if missing := [verdict.reason for verdict in verdicts if verdict.valid is None]:
        raise JudgeUnavailable(f"{judge}: gives no verdict: {missing[0]}")
    if [verdict.valid for verdict in verdicts] != [True, False]:
        logger.warning("%s: misjudges 2 + 2 = 4 against 2 + 2 = 5; measure it with judge-eval before use", judge)
