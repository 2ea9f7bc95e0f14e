"""Hinted decoding draws what its formula says, row by row, and leaves pi_0 alone where it is sure."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.inference

NANO = Path(__file__).resolve().parents[3] / "infra" / "nano" / "model"
ROWS = [
    ("Ana has 7 coins and finds 5 more. How many coins has she?", "One has 7 + 5 = 12 coins.\n$\\boxed{12}$"),
    (
        "Ben owns 20 pens and loses 3. How many are left?",
        "There remain 20 - 3 = 17 pens.\n$\\boxed{17}$",
    ),
    ("A box holds 4 rows of 6 eggs. How many eggs are in it?", "It holds 4 * 6 = 24 eggs.\n$\\boxed{24}$"),
]


@pytest.fixture(scope="module")
def nano() -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM

    from tasks.rows.tokens import ChatTokens

    return AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float32).eval(), ChatTokens(NANO)


def _prompts(chat: Any) -> tuple[list[list[int]], list[list[int]]]:
    from tasks.rows.prompts import question_prompt, rewriting_prompt

    plain = [chat.prompt(question_prompt(question)) for question, _ in ROWS]
    return plain, [chat.prompt(rewriting_prompt(question, solution)) for question, solution in ROWS]


def _greedy(model: Any, chat: Any, plain: list[int], hinted: list[int], strength: float, most: int) -> list[int]:
    """One row, every prefix read anew, the probabilities themselves multiplied."""
    import torch

    drawn: list[int] = []
    while len(drawn) < most and not (drawn and drawn[-1] in chat.stop_ids):
        with torch.no_grad():
            p, q = (model(torch.tensor([one + drawn])).logits[0, -1].double().softmax(0) for one in (plain, hinted))
        entropy = -(p * p.log()).sum().item()
        share = min(1.0, strength * entropy / torch.tensor(float(len(p))).log().item()) if drawn else 0.0
        drawn.append(int((p ** (1 - share) * q**share).argmax()))
    return drawn


@pytest.mark.parametrize("strength", [3.0, 100.0])
def test_tokens_are_the_likeliest_of_the_mixture_whichever_rows_are_decoded_together(
    nano: tuple[Any, Any], strength: float
) -> None:
    from tasks.generation.hinted import decode_hinted
    from tasks.generation.rollout import Sampling

    model, chat = nano
    plain, hinted = _prompts(chat)
    sampling = Sampling(40, 0.0, tuple(chat.stop_ids))
    expected = [_greedy(model, chat, a, b, strength, 40) for a, b in zip(plain, hinted, strict=True)]
    for at_once in (1, 3):
        found = decode_hinted(model, plain, hinted, strength, sampling, at_once)
        assert [one.ids for one in found] == expected
        assert [one.finished for one in found] == [ids[-1] in chat.stop_ids for ids in expected]
    assert len({len(ids) for ids in expected}) > 1, "rows of one length would not show that they leave the batch"


def test_without_strength_it_is_the_backbones_own_solution(nano: tuple[Any, Any]) -> None:
    from tasks.generation.hinted import decode_hinted
    from tasks.generation.rollout import Sampling, sample

    model, chat = nano
    plain, hinted = _prompts(chat)
    sampling = Sampling(40, 0.0, tuple(chat.stop_ids))
    found = decode_hinted(model, plain, hinted, 1e-9, sampling, 8)
    own = sample(model, plain, 1, sampling)
    assert [one.ids for one in found] == [one.ids for one in own]
    assert found[0].logprobs == pytest.approx(own[0].logprobs, abs=1e-4)
