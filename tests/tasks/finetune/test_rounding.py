"""What bfloat16 rounds away is counted as a plain computation on the bits counts it."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.sft


def _in_bfloat16(one: Any) -> Any:
    """The upper 16 bits of float32 values, rounded to nearest, ties to even."""
    import numpy as np

    bits = one.float().numpy().view(np.uint32).astype(np.uint64)
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_it_is_the_share_of_the_moved_weights_whose_bits_are_the_backbones_again(tmp_path: Path, dtype: str) -> None:
    """pi_0 in `dtype` and with its tied head written out, the tuned model in float32 and in several files."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import AutoModelForCausalLM

    from tasks.finetune.rounding import rounded_back
    from tests.tasks.finetune.tiny_llama import make

    model = AutoModelForCausalLM.from_pretrained(make(tmp_path / "made"), dtype=getattr(torch, dtype))
    model.save_pretrained(tmp_path / "base")
    before = load_file(tmp_path / "base" / "model.safetensors")
    save_file(
        before | {"lm_head.weight": before["model.embed_tokens.weight"].clone()}, tmp_path / "base/model.safetensors"
    )
    assert rounded_back(tmp_path / "base", tmp_path / "base") is None, "nothing moved"
    torch.manual_seed(0)
    model = model.float()
    with torch.no_grad():
        for weight in model.model.layers.parameters():
            weight += 1e-4 * torch.randn_like(weight)
    model.save_pretrained(tmp_path / "tuned", max_shard_size="60KB")
    files = sorted((tmp_path / "tuned").glob("*.safetensors"))
    assert len(files) > 1
    after = {name: one for path in files for name, one in load_file(path).items()}
    moved = back = 0
    for name, one in after.items():
        differ = (one != before[name].float()).numpy()
        moved += differ.sum()
        back += (differ & (_in_bfloat16(one) == _in_bfloat16(before[name]))).sum()
    assert 0.1 < back / moved < 0.9
    assert rounded_back(tmp_path / "base", tmp_path / "tuned") == back / moved
