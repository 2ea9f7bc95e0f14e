"""Packed rows have the likelihoods that they have alone."""

import random

import pytest

from tasks.score.batches import Question

pytestmark = pytest.mark.inference


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tasks.score.load import load_backbone
    from tests.tasks.score.tiny_model import save_tiny_model

    return load_backbone(save_tiny_model(tmp_path_factory.mktemp("backbone")), "float32", False)


def _questions(count, seed=0):
    draw = random.Random(seed)
    ids = range(10, 400)
    return [
        Question(draw.choices(ids, k=draw.randint(1, 20)), [draw.choices(ids, k=draw.randint(0, 40))])
        for _ in range(count)
    ]


@pytest.mark.parametrize("tokens", [10, 128, 4096])
def test_they_are_those_of_a_plain_forward_pass_one_by_one(model, tokens):
    import torch

    from tasks.score.packed_rows import PackedRows

    questions = _questions(30)
    found = PackedRows(model, tokens).log_likelihoods(questions)
    for question, (value,) in zip(questions, found, strict=True):
        ids = torch.tensor([[*question.prompt, *question.targets[0]]])
        with torch.no_grad():
            logprobs = model(ids).logits[0].float().log_softmax(-1)
        start = len(question.prompt)
        expected = sum(logprobs[place - 1, ids[0, place]].item() for place in range(start, ids.shape[1]))
        assert value == pytest.approx(expected, abs=1e-4)


def test_questions_with_one_target_are_packed_and_the_others_share_their_prefix(model):
    from tasks.score.nll import NLLScorer

    questions = _questions(12)
    questions[5] = Question(questions[5].prompt, [[30, 31], [32], [33, 34, 35]])
    packed, shared = (
        NLLScorer.from_model(model, None, tokens_per_batch=256, packed=packed).log_likelihoods(questions)
        for packed in (True, False)
    )
    assert [len(one) for one in packed] == [len(one) for one in shared]
    for found, expected in zip(packed, shared, strict=True):
        assert found == pytest.approx(expected, abs=1e-4)


def test_a_model_with_sliding_windows_is_not_packed():
    from transformers import MistralConfig

    from tasks.score.rows_attention import is_plain

    small = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    assert not is_plain(MistralConfig(**small, **heads, sliding_window=8))
    assert is_plain(MistralConfig(**small, **heads, sliding_window=None))
