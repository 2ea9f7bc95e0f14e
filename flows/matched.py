"""Matched arms: a rewrite and an expert's solution of one length, or of one NLL; what they are matched by.

In:  rewrites and verdicts of the SFT split
Out: {"passing_nll": …, "expert_nll": …}: scores of the rewrites that pass and of the experts' solutions on their rows

Both datasets are those of the arms that are not matched (agent_success_only and expert_where_agent_passes).
"""

from collections.abc import Mapping
from typing import Any, get_args

from flows.experiment import Experiment
from tasks.assemble.assemble import AssembleConfig, assemble
from tasks.assemble.matched import Text
from tasks.runtime.futures import Future
from tasks.score.score import score


def score_arms(experiment: Experiment, pi_0: Future, rows: Future, found: Mapping[str, Any]) -> dict[str, Future]:
    """Tokens and NLL of both texts, on the rows where one of what was `found` passes."""
    texts: tuple[Text, ...] = get_args(Text)
    arms = {text: assemble.submit(AssembleConfig(fallback=False, text=text), rows=rows, **found) for text in texts}
    return {f"{text}_nll": score.submit(experiment.score, backbone=pi_0, rows=arm) for text, arm in arms.items()}
