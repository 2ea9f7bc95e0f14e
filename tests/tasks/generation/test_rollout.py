"""Rollouts come from the policy, with the log-probabilities under which they were drawn."""

import pytest

pytestmark = pytest.mark.inference


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """A tiny model with an adapter that changes it, and its tokens."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from tasks.rows.tokens import ChatTokens
    from tests.tasks.score.tiny_model import save_tiny_model

    torch.set_num_threads(1)
    folder = save_tiny_model(tmp_path_factory.mktemp("backbone"))
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(folder), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")
    )
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    return model, ChatTokens(folder)


def prompts_of(chat):
    return [chat.prompt(text) for text in ("Ana has 7 plums", "so", "how many plums does she have ? 7 + 5")]


def policy_logprobs(model, prompt, ids, temperature):
    import torch

    with torch.no_grad():
        logits = model(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1] / temperature
    return logits.log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_logprobs_are_the_policys_own(policy, temperature):
    import torch

    from tasks.generation.rollout import Sampling, sample

    model, chat = policy
    prompts = prompts_of(chat)
    torch.manual_seed(0)
    rollouts = sample(model, prompts, 4, Sampling(24, temperature, tuple(chat.stop_ids)))
    assert len(rollouts) == 12
    assert len({tuple(rollout.ids) for rollout in rollouts[:4]}) > 1
    for i, rollout in enumerate(rollouts):
        expected = policy_logprobs(model, prompts[i // 4], rollout.ids, temperature)
        assert torch.tensor(rollout.logprobs) == pytest.approx(expected, abs=1e-4)
        assert rollout.finished == (rollout.ids[-1] in chat.stop_ids)
        assert all(token not in chat.stop_ids for token in rollout.ids[:-1])
        assert len(rollout.ids) <= 24


def test_greedy_rollouts_equal_transformers_generate(policy):
    import torch

    from tasks.generation.rollout import Sampling, sample

    model, chat = policy
    prompts = prompts_of(chat)
    rollouts = sample(model, prompts, 1, Sampling(20, 0.0, tuple(chat.stop_ids)))
    for prompt, rollout in zip(prompts, rollouts, strict=True):
        ids = torch.tensor([prompt])
        with torch.no_grad():
            whole = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=20,
                eos_token_id=list(chat.stop_ids),
                pad_token_id=0,
            )
        assert rollout.ids == whole[0, len(prompt) :].tolist()


def test_a_small_memory_changes_no_rollout(policy, monkeypatch):
    from tasks.generation import rollout

    model, chat = policy
    prompts, greedy = prompts_of(chat), rollout.Sampling(20, 0.0, tuple(chat.stop_ids))
    roomy = rollout.sample(model, prompts, 2, greedy)
    assert rollout.prompts_at_once(model, 100, 2) > 3
    monkeypatch.setattr(rollout, "ROLLOUT_CACHE", 1)  # a prompt at a time
    monkeypatch.setattr(rollout, "_BLOCK", 3)
    assert rollout.prompts_at_once(model, 100, 2) == 1
    tight = rollout.sample(model, prompts, 2, greedy)
    assert [one.ids for one in tight] == [one.ids for one in roomy]
    for one, other in zip(tight, roomy, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)


def test_a_bfloat16_backbone_does_not_round_the_adapter_away(policy):
    import copy

    import torch

    from tasks.generation.rollout import merged

    model, chat = copy.deepcopy(policy[0]), policy[1]
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data *= 0.01  # below what bfloat16 weights can tell
        else:
            parameter.data = parameter.data.to(torch.bfloat16)
    ids = torch.tensor([prompts_of(chat)[0]])
    with torch.no_grad():
        policys = model(ids).logits
        with merged(model):
            assert torch.equal(model(ids).logits, policys)
        with model.disable_adapter():
            assert not torch.equal(model(ids).logits, policys)


def test_merging_leaves_the_backbone_bit_by_bit_as_it_was(policy):
    import torch

    from tasks.generation.rollout import Sampling, merged, sample

    model, chat = policy
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    sample(model, prompts_of(chat), 2, Sampling(4, 1.0, tuple(chat.stop_ids)))
    with pytest.raises(KeyError), merged(model):
        raise KeyError("an error while merged")
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())


def test_the_canary_sings_for_the_policy_and_dies_for_the_base(policy):
    import torch
    from transformers import AutoModelForCausalLM

    from tasks.generation.rollout import Sampling, sample
    from tasks.train_agent.canary import CanaryError, check

    model, chat = policy
    prompts = prompts_of(chat)
    sampling = Sampling(16, 1.0, tuple(chat.stop_ids))
    repeated = [prompt for prompt in prompts for _ in range(2)]
    torch.manual_seed(0)
    good = check(model, repeated, sample(model, prompts, 2, sampling), 1.0, updates=3)
    assert good.mismatch < 1e-4 < good.shift
    torch.manual_seed(0)
    base = sample(AutoModelForCausalLM.from_pretrained(chat.folder), prompts, 2, sampling)
    with pytest.raises(CanaryError, match="does not use the adapter"):
        check(model, repeated, base, 1.0, updates=3)


def test_the_canary_dies_for_an_adapter_that_does_nothing(policy):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from tasks.generation.rollout import Sampling, sample
    from tasks.train_agent.canary import CanaryError, check

    _, chat = policy
    idle = get_peft_model(AutoModelForCausalLM.from_pretrained(chat.folder), LoraConfig(target_modules="all-linear"))
    prompts = prompts_of(chat)
    torch.manual_seed(0)
    rollouts = sample(idle, prompts, 1, Sampling(8, 1.0, tuple(chat.stop_ids)))
    assert check(idle, prompts, rollouts, 1.0, updates=0).shift == 0
    with pytest.raises(CanaryError, match="the policy is pi_0 still"):
        check(idle, prompts, rollouts, 1.0, updates=2)
