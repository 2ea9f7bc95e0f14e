"""A step's rewards from the real gate, pi_0's NLL and the embedder: what passes, what is scored, what is paid."""

import numpy as np
import pytest

from tasks.rewards.config import RewardConfig
from tasks.verify.types import ReasoningVerdict
from tests.tasks.train_agent.nano_rows import NANO

pytestmark = pytest.mark.inference

QUESTION = "Ana has 12 plums. Ana gets 5 more plums. How many plums does Ana have now?"
EXPERT = "By addition it follows that 12 + 5 = 17; hence the desired value equals 17.\n$\\boxed{17}$"
PLAIN = "First, 12 + 5 = 17. So the answer is 17 plums.\n$\\boxed{17}$"
TERSE = "It is 17, because 12 + 5 = 17.\n$\\boxed{17}$"
SLIP = "First, 12 + 5 = 18. So the answer is 17 plums.\n$\\boxed{17}$"
WRONG = "First, 12 + 5 = 16. So the answer is 16 plums.\n$\\boxed{16}$"


@pytest.fixture(scope="module")
def parts():
    """Scorer and embedder, loaded once."""
    import torch

    from tasks.score.config import PACKAGED_EMBEDDER
    from tasks.score.embeddings import Embedder
    from tasks.score.load import load_backbone
    from tasks.score.nll import NLLScorer
    from tasks.tokens import ChatTokens

    torch.set_num_threads(1)
    scorer = NLLScorer.from_model(load_backbone(NANO / "model", None, cuda=False), ChatTokens(NANO / "model"))
    return scorer, Embedder(PACKAGED_EMBEDDER, cuda=False)


class Unreachable:
    """A judge that could not be reached for one of the texts."""

    name = "unreachable"

    def judge(self, items):
        return [
            ReasoningVerdict(None if item.solution == TERSE else True, None, "connection refused", self.name)
            for item in items
        ]


def reward(parts, texts, config=None, judge=None, log_diversity=False):
    """Step rewards of one group; a text given as a tuple is truncated."""
    from tasks.train_agent.group_reward import GroupReward, Sample
    from tasks.train_agent.rows import AgentRow
    from tasks.verify.arithmetic import ArithmeticJudge
    from tasks.verify.verify import Verifier

    row = AgentRow("r", QUESTION, EXPERT, "17", [])
    samples = [Sample("r", t if isinstance(t, str) else t[0], 20, isinstance(t, str)) for t in texts]
    with Verifier(judge=judge or ArithmeticJudge(require_step=True)) as verifier:
        made = GroupReward(config or RewardConfig(), len(texts), {"r": row}, verifier, *parts)
        return made(samples, log_diversity)


def test_only_correct_and_sound_rewrites_are_scored_and_paid(parts):
    step = reward(parts, [PLAIN, TERSE, SLIP, WRONG, "", (PLAIN[:20],)])
    assert [verdict.passed for verdict in step.verdicts] == [True, True, False, False, False, False]
    assert np.isfinite(step.nll).tolist() == [True, True, False, False, False, False]
    assert step.totals[2:] == [0, 0, 0, 0]
    assert min(step.totals[:2]) > 1
    assert step.groups[0][1].diversity > 0


def test_the_models_own_style_earns_more_than_the_experts(parts):
    step = reward(parts, [PLAIN, EXPERT, PLAIN], RewardConfig(variant="no_div"))
    assert step.nll[0] < step.nll[1] and step.nll[0] == step.nll[2]
    assert step.totals[0] == step.totals[2] > step.totals[1] > 1


def test_a_candidate_whose_judge_is_unreachable_gets_the_mean_of_the_others(parts):
    step = reward(parts, [PLAIN, TERSE, WRONG], RewardConfig(variant="task_only"), Unreachable())
    assert [verdict.passed for verdict in step.verdicts] == [True, None, False]
    assert step.totals == [1.0, 0.5, 0.0]


def test_a_judge_that_is_gone_stops_the_training(parts):
    from tasks.verify.types import NoVerdict

    with pytest.raises(NoVerdict, match="no verdict on 2 of 3 right answers; one: connection refused"):
        reward(parts, [PLAIN, TERSE, TERSE, WRONG], judge=Unreachable())


def test_soft_shaping_scores_every_candidate(parts):
    step = reward(parts, [PLAIN, WRONG, SLIP], RewardConfig(variant="soft_shaping"))
    assert np.isfinite(step.nll).all()
    assert all(total > 0 for total in step.totals)


def test_without_r_div_nothing_is_embedded_unless_the_log_asks(parts):
    config = RewardConfig(variant="no_div")
    assert reward(parts, [PLAIN, TERSE], config).groups[0][1].diversity is None
    assert reward(parts, [PLAIN, TERSE], config, log_diversity=True).groups[0][1].diversity > 0


def test_half_a_group_is_refused(parts):
    from tasks.train_agent.group_reward import GroupReward, Sample

    made = GroupReward(RewardConfig(), 3, {}, None, *parts)
    with pytest.raises(ValueError, match="whole groups of 3"):
        made([Sample("r", PLAIN, 20, True)] * 2)
