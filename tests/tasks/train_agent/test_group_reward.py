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

    from tasks.rows.tokens import ChatTokens
    from tasks.score.config import PACKAGED_EMBEDDER
    from tasks.score.embeddings import Embedder
    from tasks.score.load import load_backbone
    from tasks.score.nll import NLLScorer

    torch.set_num_threads(1)
    scorer = NLLScorer.from_model(load_backbone(NANO / "model", "float32", cuda=False), ChatTokens(NANO / "model"))
    return scorer, Embedder(PACKAGED_EMBEDDER, cuda=False)


class Unreachable:
    """A judge that could not be reached for one of the texts."""

    name = "unreachable"

    def judge(self, items):
        return [
            ReasoningVerdict(None if item.solution == TERSE else True, None, "connection refused", self.name)
            for item in items
        ]


def reward(parts, texts, config=None, judge=None):
    """Step rewards of one group; a text given as a tuple is truncated."""
    from tasks.rows.agent_rows import AgentRow
    from tasks.train_agent.group_reward import GroupReward, Sample
    from tasks.verify.arithmetic.arithmetic import ArithmeticJudge
    from tasks.verify.verify import Verifier

    row = AgentRow("r", QUESTION, EXPERT, "17", [])
    samples = []
    for text, finished in ((t, True) if isinstance(t, str) else (t[0], False) for t in texts):
        samples.append(Sample("r", text, parts[0].chat.target(text, finished), finished))
    with Verifier(judge=judge or ArithmeticJudge(require_step=True)) as verifier:
        made = GroupReward(config or RewardConfig(), len(texts), {"r": row}, verifier, *parts)
        return made(samples)


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


@pytest.mark.parametrize("variant", ["full", "no_dist", "no_div", "task_only", "soft_shaping"])
def test_diversity_is_known_in_every_variant_and_what_has_no_score_ends_no_training(parts, variant):
    """Nothing but special tokens was sampled, or bytes whose text has more tokens than the model's context."""
    unreadable = "\ufffd" * 400
    step = reward(parts, [PLAIN, TERSE, ("",), unreadable], RewardConfig(variant=variant))
    assert step.groups[0][1].diversity > 0
    assert np.isfinite(step.nll).tolist() == [True, True, False, False]
    assert np.isfinite(step.totals).all() and step.totals[2:] == [0, 0]


def test_rewrites_that_are_tokenised_otherwise_than_they_were_sampled_are_counted(parts):
    """One word in its letters: the same text."""
    from tasks.rows.agent_rows import AgentRow
    from tasks.train_agent.group_reward import GroupReward, Sample
    from tasks.verify.arithmetic.arithmetic import ArithmeticJudge
    from tasks.verify.verify import Verifier

    chat, vocabulary = parts[0].chat, parts[0].chat.tokenizer.get_vocab()
    canonical = chat.target(PLAIN)
    at = canonical.index(vocabulary["Ġplums"])
    other = [*canonical[:at], *(vocabulary[piece] for piece in ("Ġ", "pl", "u", "m", "s")), *canonical[at + 1 :]]
    assert chat.tokenizer.decode(other, skip_special_tokens=True) == PLAIN
    with Verifier(judge=ArithmeticJudge(require_step=True)) as verifier:
        made = GroupReward(RewardConfig(), 2, {"r": AgentRow("r", QUESTION, EXPERT, "17", [])}, verifier, *parts)
        step = made([Sample("r", PLAIN, canonical, True), Sample("r", PLAIN, other, True)])
    assert step.retokenized.tolist() == [False, True]


def test_half_a_group_is_refused(parts):
    from tasks.train_agent.group_reward import GroupReward, Sample

    made = GroupReward(RewardConfig(), 3, {}, None, *parts)
    with pytest.raises(ValueError, match="whole groups of 3"):
        made([Sample("r", PLAIN, [1], True)] * 2)
