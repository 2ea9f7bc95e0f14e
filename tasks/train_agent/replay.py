"""A logged step's groups, rewarded again from disk: for debugging a gate, a reward or an engine without a GPU.

groups.jsonl  {"step": 10, "id": "r1", "question": "…", "gold": "…", "texts": ["…", …], "finished": [true, …],
               "passed": [true, …], "answers": ["correct", …], "valid": [true, …], "nll": [0.3, null, …],
               "vectors": "<base64 of K x d float32>", "total": [1.7, …], "advantages": [0.4, …]}

Rollouts, the judge's word, NLLs and embeddings are taken as they were logged. The answers are compared again, the
arithmetic judge computes again, and so are eqs. 3 to 12 and the advantages. What differs from the log says which part
of the code gives something else than it did.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.rewards.group import group_advantages, group_rewards
from tasks.rows.agent_rows import AgentRow
from tasks.rows.jsonl import Row
from tasks.train_agent.config import TrainAgentConfig
from tasks.verify.types import Candidate

if TYPE_CHECKING:  # its module needs torch, which replaying does not
    from tasks.train_agent.group_reward import StepRewards

GROUPS = "groups.jsonl"
EPSILON = {"trl": 1e-4, "verl": 1e-6}  # what each engine adds to a group's deviation
TOLERANCE = 1e-4  # of what an engine computed in float32


@dataclass(frozen=True)
class Replayed:
    """A part of a group's reward, as it was logged and as it comes out now; one value a candidate."""

    id: str
    name: str  # answers, passed, total, advantages
    logged: list[Any]
    now: list[Any]

    @property
    def differs(self) -> list[int]:
        """Candidates for which they are not the same, numbers to rounding."""
        pairs = enumerate(zip(self.logged, self.now, strict=True))
        return [place for place, (logged, now) in pairs if not _same(logged, now)]


def _same(logged: Any, now: Any) -> bool:
    if isinstance(logged, float):
        return bool(abs(logged - now) <= TOLERANCE * max(1.0, abs(logged)))
    return bool(logged == now)


def group_rows(
    number: int,
    step: "StepRewards",
    rows: Mapping[str, AgentRow],
    groups: int,
    advantages: Sequence[float] | None = None,
) -> list[Row]:
    """The step's first groups for groups.jsonl.

    Args:
        advantages: of all of the step's samples, in their order, as the engine computed them.
    """
    made: list[Row] = []
    for positions, rewards in step.groups[:groups]:
        samples, verdicts = [step.samples[i] for i in positions], [step.verdicts[i] for i in positions]
        row = rows[samples[0].row]
        said = [verdict.reasoning for verdict in verdicts]
        nll = [None if np.isnan(step.nll[i]) else float(step.nll[i]) for i in positions]
        made.append(
            {
                "step": number,
                "id": row.id,
                "question": row.question,
                "gold": row.gold,
                "texts": [sample.text for sample in samples],
                "finished": [sample.finished for sample in samples],
                "passed": [verdict.passed for verdict in verdicts],
                "answers": [verdict.answer.verdict for verdict in verdicts],
                "valid": [one.valid if one else None for one in said],
                "asked": [one is not None for one in said],
                "nll": nll,
                "vectors": base64.b64encode(np.asarray(step.vectors[positions], "<f4").tobytes()).decode(),
                "total": [float(total) for total in rewards.total],
                "advantages": None if advantages is None else [float(advantages[i]) for i in positions],
            }
        )
    return made


def replayed(group: Row, config: TrainAgentConfig) -> list[Replayed]:
    """A group of groups.jsonl, rewarded again with the config that it was logged under."""
    answers, passed = _gate(group, config)
    soft = config.reward.variant == "soft_shaping"
    shaped = np.array([verdict is True or (soft and verdict is not None) for verdict in passed])
    nll = np.array([np.nan if one is None else one for one in group["nll"]])
    rewards = group_rewards(passed, np.where(shaped & np.isnan(nll), np.inf, nll), vectors_of(group), config.reward)
    found = [
        Replayed(group["id"], "answers", group["answers"], answers),
        Replayed(group["id"], "passed", group["passed"], passed),
        Replayed(group["id"], "total", group["total"], rewards.total.tolist()),
    ]
    if group["advantages"] is not None:
        now = group_advantages(rewards.total, EPSILON[config.engine]).tolist()
        found.append(Replayed(group["id"], "advantages", group["advantages"], now))
    return found


def vectors_of(group: Row) -> NDArray[np.float32]:
    """The embeddings of a group's candidates, shape (K, d); zeros where a candidate had none."""
    return np.frombuffer(base64.b64decode(group["vectors"]), "<f4").reshape(len(group["texts"]), -1)


def _gate(group: Row, config: TrainAgentConfig) -> tuple[list[str], list[bool | None]]:
    """The verdicts on the answers, and the gate's: a model's word on the reasoning is the logged one."""
    parts = zip(group["texts"], group["finished"], strict=True)
    candidates = [
        Candidate(f"{group['id']}#{place}", group["question"], group["gold"], text, finished)
        for place, (text, finished) in enumerate(parts)
    ]
    gate = config.gate
    computes = gate.answers.reasoning and gate.asked.kind != "arithmetic"
    with (gate.without_judge() if computes else gate).open() as verifier:
        verdicts = verifier(candidates)
    answers: list[str] = [verdict.answer.verdict for verdict in verdicts]
    if not computes:
        return answers, [verdict.passed for verdict in verdicts]
    word = zip(verdicts, group["asked"], group["valid"], strict=True)
    # An answer that is right now and was wrong then was shown to no judge.
    return answers, [(valid if asked else None) if verdict.answer.correct else False for verdict, asked, valid in word]
