"""The reward of whole groups (eq. 3): gate, NLL under pi_0, embeddings; this device against the CPU in float32."""

import numpy as np

from infra.gpu_check.checks import Figures, Setup, require
from infra.gpu_check.texts import NANO, groups
from tasks.rewards.config import RewardConfig
from tasks.rows.agent_rows import AgentRow
from tasks.rows.tokens import ChatTokens
from tasks.score.embeddings import Embedder
from tasks.score.load import load_backbone
from tasks.score.nll import NLLScorer
from tasks.train_agent.group_reward import GroupReward, Sample, StepRewards
from tasks.verify.gate import GateConfig

MOST_DIFFERENCE = 0.1  # of a reward between 0 and about 2; the mean over candidates


def check(setup: Setup) -> Figures:
    """Raises CheckFailed where the gate's verdicts differ, or the rewards by more than rounding can."""
    asked = groups(*((32, 8, 2) if setup.cuda else (4, 4, 1)))
    here, reference = rewards(setup, asked, setup.cuda), rewards(setup, asked, cuda=False)
    passed = [verdict.passed for verdict in here.verdicts]
    require(passed == [verdict.passed for verdict in reference.verdicts], "the gate's verdicts differ")
    share = passed.count(True) / len(passed)
    require(share == 0.5, f"{share:.0%} of the candidates pass, of which every second one has the right answer")
    difference = float(np.mean(np.abs(np.array(here.totals) - np.array(reference.totals))))
    require(difference < MOST_DIFFERENCE, f"the rewards differ by {difference:.3f} from the CPU's")
    seconds = {f"seconds_{part}": spent for part, spent in here.seconds.items()}
    return {"candidates": len(passed), "difference": difference, "mean": float(np.mean(here.totals))} | seconds


def rewards(setup: Setup, asked: list[tuple[dict[str, str], list[str]]], cuda: bool) -> StepRewards:
    chat = ChatTokens(setup.model)
    rows = {
        row["id"]: AgentRow(row["id"], row["question"], row["solution"], row["solution"], chat.prompt(row["question"]))
        for row, _ in asked
    }
    samples = [Sample(row["id"], text, chat.target(text), finished=True) for row, texts in asked for text in texts]
    scorer = NLLScorer.from_model(load_backbone(setup.model, "bfloat16" if cuda else "float32", cuda), chat)
    embedder = Embedder(str(NANO / "embedder"), cuda)
    with GateConfig(answers={"reasoning": False}).open() as verifier:  # type: ignore[arg-type]
        return GroupReward(RewardConfig(), len(asked[0][1]), rows, verifier, scorer, embedder)(samples)
