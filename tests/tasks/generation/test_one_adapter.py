"""One adapter's product gives what vLLM's own gathering gives, for prompts and single tokens, in both precisions."""

import importlib.util
from typing import Any

import pytest

from tasks.generation import one_adapter

pytestmark = pytest.mark.inference


@pytest.fixture(scope="module")
def own() -> Any:
    """vLLM's functions, whatever was mended in this process."""
    from vllm.lora.ops.torch_ops import lora_ops

    spec = importlib.util.spec_from_file_location("vllm_own_lora_ops", lora_ops.__file__)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("tokens", [1, 33])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("add", [True, False])
def test_the_same_as_vllms_own(own: Any, tokens: int, dtype: str, add: bool) -> None:
    import torch

    of = getattr(torch, dtype)
    torch.manual_seed(tokens)
    inputs, a, b = torch.randn(tokens, 96).to(of), torch.randn(1, 1, 8, 96).to(of), torch.randn(1, 1, 40, 8).to(of)
    which = torch.zeros(tokens, dtype=torch.long)
    low, high = [], []
    for shrink, expand in ((own.bgmv_shrink, own.bgmv_expand_slice), (one_adapter.shrink, one_adapter.expand_slice)):
        buffer, output = torch.zeros(tokens, 8), torch.ones(tokens, 100, dtype=of)
        shrink(inputs, a, buffer, which, 2.0)
        expand(buffer, b, output, which, 30, 40, add)
        low.append(buffer)
        high.append(output)
    torch.testing.assert_close(low[1], low[0], rtol=1e-5, atol=1e-4)
    bits = {"rtol": 0.02, "atol": 0.5} if dtype == "bfloat16" else {"rtol": 1e-4, "atol": 1e-3}
    torch.testing.assert_close(high[1], high[0], **bits)
    expected = 2 * inputs.float() @ a[0, 0].float().T @ b[0, 0].float().T + add
    torch.testing.assert_close(high[1][:, 30:70].float(), expected, **bits)
    assert (high[1][:, :30] == 1).all() and (high[1][:, 70:] == 1).all(), "the columns of other modules"


def test_vllm_computes_so_once_it_is_mended() -> None:
    import torch
    from vllm.lora.ops.torch_ops import lora_ops
    from vllm.lora.punica_wrapper import punica_cpu

    one_adapter.mend()
    inputs, two = torch.ones(3, 4), torch.ones(2, 1, 8, 4)
    starts, lengths, which = torch.tensor([0]), torch.tensor([3]), torch.tensor([0])
    with pytest.raises(ValueError, match="2 adapters at once"):
        lora_ops.sgmv_shrink(inputs, two, torch.zeros(3, 8), starts, lengths, which, 1, 3, 3, 1.0)
    with pytest.raises(ValueError, match="2 adapters at once"):
        punica_cpu.bgmv_shrink(inputs, two, torch.zeros(3, 8), which, 1.0)
