"""nano's embedder: it sees rewrites as its teacher does, loads like any other, and belongs to its recipe."""

import numpy as np
import pytest

from infra.nano.recipe import HERE, NanoConfig
from infra.nano.world import World
from tasks.rewards.diversity import diversity_rewards, pairwise_distances

pytestmark = pytest.mark.inference


@pytest.fixture(scope="module")
def embedders():
    import torch

    from tasks.score.config import PACKAGED_EMBEDDER
    from tasks.score.embeddings import Embedder

    torch.set_num_threads(1)
    return Embedder(str(HERE / "embedder"), cuda=False), Embedder(PACKAGED_EMBEDDER, cuda=False)


def test_rewrites_are_as_far_apart_as_for_the_teacher(embedders):
    """Problems that the student never saw: distances of eq. 9 and rewards of eq. 12 follow the teacher's."""
    from infra.nano.distill import rewrites_of_problems

    groups = rewrites_of_problems(World(NanoConfig()), problems=60, rewrites=8, purpose="embedder test")
    flat = [text for group in groups for text in group]
    distances, rewards = [], []
    for embedder in embedders:
        vectors = embedder(flat).astype(np.float64).reshape(len(groups), 8, -1)
        found = [pairwise_distances(group) for group in vectors]
        distances.append(np.concatenate([one[np.triu_indices(8, 1)] for one in found]))
        rewards.append(np.concatenate([diversity_rewards(one) for one in found]))
    assert np.corrcoef(distances)[0, 1] > 0.93
    assert np.corrcoef(rewards)[0, 1] > 0.93
    assert np.abs(distances[0] - distances[1]).mean() < 0.2 * distances[1].mean()


def test_it_is_of_unit_length_and_reads_to_the_end_of_a_long_text(embedders):
    long = "First, 3 * 4 = 12. " * 300
    same, other = embedders[0]([long + "So the answer is 12 plums. " * 100, long + "Step 2: 12 + 5 = 17 " * 100])
    assert np.linalg.norm(same) == pytest.approx(1, abs=1e-5)
    assert same @ other < 0.999


def test_the_committed_embedder_belongs_to_the_committed_recipe():
    from infra.nano.distill import check_embedder

    assert check_embedder(HERE) == []
