"""Embeddings with the real all-MiniLM-L6-v2: unit vectors that follow meaning, without a hub."""

import numpy as np
import pytest

pytestmark = pytest.mark.inference


@pytest.fixture(scope="module")
def embedder():
    import torch

    from tasks.score.config import PACKAGED_EMBEDDER
    from tasks.score.embeddings import Embedder

    torch.set_num_threads(1)
    return Embedder(PACKAGED_EMBEDDER, cuda=False)


def test_texts_of_one_meaning_are_nearer_than_texts_of_two(embedder):
    a, b, c = embedder(["Ana has 12 plums in all.", "Altogether Ana owns twelve plums.", "The train leaves at noon."])
    assert a @ b > a @ c + 0.3
    assert np.linalg.norm(a) == pytest.approx(1, abs=1e-5)


def test_identical_texts_are_embedded_once_and_in_their_places(embedder, monkeypatch):
    seen = []
    encode = embedder.model.encode
    monkeypatch.setattr(embedder.model, "encode", lambda texts, **kw: (seen.append(len(texts)), encode(texts, **kw))[1])
    vectors = embedder(["one", "two", "one", "one"])
    assert seen == [2]
    assert np.array_equal(vectors[0], vectors[2]) and not np.array_equal(vectors[0], vectors[1])


def test_the_end_of_a_long_text_counts(embedder):
    long = "Then we add 3 to 4 and get 7. " * 100
    same, other = embedder([long + "The train leaves at noon. " * 60, long + "So there are 7 plums in all. " * 60])
    assert same @ other < 0.999
    assert np.linalg.norm(same) == pytest.approx(1, abs=1e-5)


def test_an_unknown_model_is_named():
    from tasks.score.embeddings import Embedder

    with pytest.raises(OSError, match="no-such"):
        Embedder("/no-such-model", cuda=False)
