"""The actor's packed passes without flash-attn: each sequence as if it had been read alone."""

import pytest

from tests.tasks.train_agent.nano_rows import NANO

pytestmark = pytest.mark.verl

LENGTHS = (7, 1, 12)


def test_a_pass_of_several_sequences_reads_each_alone_and_so_does_its_gradient():
    import torch
    from transformers import AutoModelForCausalLM

    from tasks.train_agent.verl import packed  # noqa: F401  registers the attention
    from tasks.train_agent.verl.sections import PACKED_ATTENTION

    model = AutoModelForCausalLM.from_pretrained(NANO / "model", attn_implementation=PACKED_ATTENTION)
    model.gradient_checkpointing_enable()
    torch.manual_seed(0)
    rows = [torch.randint(10, 400, (length,)) for length in LENGTHS]
    positions = torch.cat([torch.arange(length) for length in LENGTHS])[None]
    together = model(input_ids=torch.cat(rows)[None], attention_mask=None, position_ids=positions).logits[0]
    together.square().mean().backward()
    gradient = model.lm_head.weight.grad.clone()
    model.zero_grad()
    model.set_attn_implementation("sdpa")
    alone = torch.cat([model(input_ids=row[None]).logits[0] for row in rows])
    alone.square().mean().backward()
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(gradient, model.lm_head.weight.grad)


def test_log_probabilities_of_bfloat16_logits_are_in_float32_and_so_is_their_gradient():
    import torch
    from verl.utils.torch_functional import logprobs_from_logits

    from tasks.train_agent.verl import packed

    torch.manual_seed(0)
    logits = (4 * torch.randn(packed.CHUNK + 300, 50)).bfloat16().requires_grad_()
    labels = torch.randint(0, 50, (len(logits),))
    found = logprobs_from_logits(logits, labels)
    exact = logits.detach().double().requires_grad_()
    expected = exact.log_softmax(-1).gather(1, labels[:, None])[:, 0]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=1e-5)
    found.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(logits.grad.double(), exact.grad, rtol=0.01, atol=0.004)


def test_where_sequences_end():
    import torch

    from tasks.train_agent.verl.packed import row_ends

    assert row_ends(torch.tensor([[0, 1, 2, 0, 1, 0]])) == (3, 5, 6)
    assert row_ends(torch.tensor([[0]])) == (1,)
