"""NLLs with shared prefixes are those of one plain forward pass a row."""

import random

import pytest

pytestmark = pytest.mark.inference


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    from tests.tasks.score.tiny_model import save_tiny_model

    return save_tiny_model(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="module")
def loaded(backbone):
    import torch
    from transformers import AutoModelForCausalLM

    from tasks.rows.tokens import ChatTokens

    torch.set_num_threads(1)
    return AutoModelForCausalLM.from_pretrained(backbone, dtype=torch.float32), ChatTokens(backbone)


def targets_of(questions, k):
    from tasks.score.nll import Target

    rng = random.Random(3)
    words = [*map(str, range(10)), "Ana", "has", "plums", "and", "buys", "more", "so", "+", "=", "the", "answer", "is"]
    made = []
    for q in range(questions):
        question = " ".join(rng.choices(words, k=rng.randint(2, 30)))
        for c in range(k):
            text = " ".join(rng.choices(words, k=rng.randint(1, 40)))
            made.append(Target(f"q{q}#{c}", question, text, finished=c % 4 != 3))
    return made


def plain_nll(model, chat, target):
    """One unpadded forward pass over prompt and target."""
    import torch

    from tasks.rows.prompts import question_prompt

    prompt = chat.prompt(question_prompt(target.question))
    ids = chat.target(target.text, target.finished)
    with torch.no_grad():
        logits = model(torch.tensor([prompt + ids])).logits[0].double().log_softmax(dim=-1)
    picked = [logits[len(prompt) + i - 1, token].item() for i, token in enumerate(ids)]
    return -sum(picked) / len(ids), len(ids)


@pytest.mark.parametrize("tokens_per_batch", [128, 1024, 100_000])
def test_equals_a_plain_forward_pass_in_float32(loaded, tokens_per_batch):
    from tasks.score.nll import NLLScorer

    model, chat = loaded
    targets = targets_of(7, 5)
    scores = NLLScorer.from_model(model, chat, tokens_per_batch=tokens_per_batch).score(targets)
    assert [score.id for score in scores] == [target.id for target in targets]
    for target, score in zip(targets, scores, strict=True):
        nll, tokens = plain_nll(model, chat, target)
        assert score.tokens == tokens
        assert score.nll == pytest.approx(nll, abs=1e-5)


def test_the_adapter_is_disabled_while_pi_0_is_scored_and_enabled_after(loaded, backbone):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from tasks.score.nll import NLLScorer

    model, chat = loaded
    targets = targets_of(2, 3)
    base = NLLScorer.from_model(model, chat).score(targets)
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(backbone), LoraConfig(target_modules="all-linear"))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    adapted.train()
    prompt = torch.tensor([chat.prompt("x")])
    before = adapted(prompt).logits
    assert NLLScorer.from_model(adapted, chat).score(targets) == base
    assert adapted.training
    assert torch.equal(adapted(prompt).logits, before)


def test_the_end_of_turn_counts_where_the_target_is_finished(loaded):
    from tasks.score.nll import NLLScorer, Target

    model, chat = loaded
    scorer = NLLScorer.from_model(model, chat)
    whole, cut = scorer.score([Target("a", "q", "7 + 5"), Target("b", "q", "7 + 5", finished=False)])
    assert whole.tokens == cut.tokens + 1
    empty, nothing = scorer.score([Target("a", "q", ""), Target("b", "q", "", finished=False)])
    assert empty.tokens == 1 and empty.nll > 0
    assert nothing.tokens == 0 and nothing.nll != nothing.nll


def test_a_row_that_does_not_fit_the_context_is_named_not_cut(loaded):
    from tasks.score.nll import NLLScorer, Target, TooLong

    model, chat = loaded
    with pytest.raises(TooLong, match="row long: prompt and target are"):
        NLLScorer.from_model(model, chat).score([Target("long", "q", "7 " * 600)])


def test_a_prompt_has_one_bos(loaded):
    _, chat = loaded
    ids = chat.prompt("Ana has 7 plums")
    assert ids.count(chat.tokenizer.bos_token_id) == 1
