"""The pull towards pi_0 is AdamW's step and then a share of the way back, whole or in parts."""

import copy
from typing import Any

import pytest

pytestmark = pytest.mark.sft


def _gradients(steps: int, size: int) -> Any:
    import torch

    return torch.randn((steps, size), generator=torch.Generator().manual_seed(1))


def test_a_step_is_adamws_and_then_a_share_of_the_way_back() -> None:
    """Against the formulas of Kingma and Ba, spelled out in float64."""
    import torch

    from tasks.finetune.pulled_adamw import PulledAdamW

    start, rate, pull = torch.linspace(-1, 1, 7, dtype=torch.float64), 0.01, 5.0
    one = torch.nn.Parameter(start.clone())
    optimizer = PulledAdamW([one], pull, lr=rate, weight_decay=0.0)
    expected, mean, square = start.clone(), torch.zeros(7).double(), torch.zeros(7).double()
    for step, gradient in enumerate(_gradients(6, 7).double(), 1):
        one.grad = gradient.clone()
        optimizer.step()
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        expected -= rate * (mean / (1 - 0.9**step)) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
        expected -= rate * pull * (expected - start)
    assert torch.allclose(one.detach(), expected, atol=1e-12)
    assert not torch.allclose(one.detach(), start, atol=1e-3)


def test_parts_of_a_parameter_are_pulled_as_the_whole_one_and_a_checkpoint_holds_where_it_began() -> None:
    """ZeRO-3 hands the optimiser a rank's part of the flat weights."""
    import torch

    from tasks.finetune.pulled_adamw import PulledAdamW

    start, gradients = torch.linspace(-1, 1, 8), _gradients(6, 8)

    def trained(parts: list[slice], saved_after: int | None = None) -> torch.Tensor:
        ones = [torch.nn.Parameter(start[part].clone()) for part in parts]
        optimizer = PulledAdamW(ones, 5.0, lr=0.01)
        for step, gradient in enumerate(gradients):
            if step == saved_after:
                state = copy.deepcopy(optimizer.state_dict())
                ones = [torch.nn.Parameter(one.detach().clone()) for one in ones]
                optimizer = PulledAdamW(ones, 5.0, lr=0.01)
                optimizer.load_state_dict(state)
            for one, part in zip(ones, parts, strict=True):
                one.grad = gradient[part].clone()
            optimizer.step()
        return torch.cat([one.detach() for one in ones])

    whole = trained([slice(0, 8)])
    assert torch.equal(trained([slice(0, 3), slice(3, 8)]), whole)
    assert torch.equal(trained([slice(0, 8)], saved_after=3), whole)


def test_a_parameter_without_a_gradient_stays() -> None:
    import torch

    from tasks.finetune.pulled_adamw import PulledAdamW

    one = torch.nn.Parameter(torch.ones(3))
    optimizer = PulledAdamW([one], 5.0, lr=0.01)
    optimizer.step()
    assert torch.equal(one.detach(), torch.ones(3))
    one.grad = torch.ones(3)
    optimizer.step()
    assert not torch.equal(one.detach(), torch.ones(3))
