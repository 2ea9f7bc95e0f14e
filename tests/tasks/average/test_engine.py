"""An average is, bit for bit, what a plain computation over whole models gives."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.average.config import AverageConfig, AverageSpec
from tests.tasks import engines

pytestmark = pytest.mark.sft

MODULE = "tasks.average.engine"


def _models(root: Path, dtype: str = "float32") -> tuple[Path, Path]:
    """Two models of other weights; the second in `dtype`, in several files."""
    import torch
    from transformers import AutoModelForCausalLM

    from tests.tasks.finetune.tiny_llama import make

    base = make(root / "base")
    tuned = AutoModelForCausalLM.from_pretrained(make(root / "other", seed=1), dtype=getattr(torch, dtype))
    tuned.save_pretrained(root / "tuned", max_shard_size="60KB")
    (root / "tuned" / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
    return base, root / "tuned"


def _weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: one for path in sorted(folder.glob("*.safetensors")) for name, one in load_file(path).items()}


@pytest.mark.parametrize(("dtype", "share"), [("float32", 0.3), ("bfloat16", 0.5)])
def test_the_average_is_that_of_a_plain_computation_bit_for_bit(tmp_path: Path, dtype: str, share: float) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    base, tuned = _models(tmp_path, dtype)
    out = tmp_path / "out"
    spec = AverageSpec(config=AverageConfig(share=share), backbone=base, tuned=tuned, out=out)
    engines.run(MODULE, spec, out)
    ours, zero, theirs = _weights(out / "model"), _weights(base), _weights(tuned)
    assert ours.keys() == theirs.keys() and len(list((out / "model").glob("*.safetensors"))) > 1
    for name, weight in ours.items():
        plain = ((1 - share) * zero[name].float() + share * theirs[name].float()).to(getattr(torch, dtype))
        assert weight.dtype == plain.dtype and torch.equal(weight, plain), name
        assert not torch.equal(weight, theirs[name]) or "norm" in name
    assert (out / "model" / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    told = json.loads((out / "scratch" / "metrics.json").read_text())
    assert told == {"tensors": len(ours), "parameters": sum(one.numel() for one in ours.values())}
    loaded = AutoModelForCausalLM.from_pretrained(out / "model", dtype=getattr(torch, dtype)).state_dict()
    assert all(torch.equal(loaded[name], weight) for name, weight in ours.items())


def test_the_ends_of_the_line_are_the_two_models(tmp_path: Path) -> None:
    import torch

    from tasks.average.engine import average_file
    from tasks.rows.tensors import places

    base, tuned = _models(tmp_path)
    for share, end in ((0.0, base), (1.0, tuned)):
        out = tmp_path / str(share)
        out.mkdir()
        for path in tuned.glob("*.safetensors"):
            average_file(path, places(base), share, out / path.name, {"tensors": 0, "parameters": 0})
        expected = _weights(end)
        assert all(torch.equal(one, expected[name]) for name, one in _weights(out).items())


def test_models_of_other_shapes_are_refused_by_the_tensors_name(tmp_path: Path) -> None:
    import torch

    from tasks.average.engine import Unlike, average_file, mix

    _, tuned = _models(tmp_path)
    with pytest.raises(Unlike, match="the backbone has no tensor"):
        average_file(next(tuned.glob("*.safetensors")), {}, 0.5, tmp_path / "x", {})
    with pytest.raises(Unlike, match=r"tensor lm_head is \(2, 3\) in the backbone, \(4, 3\)"):
        mix("lm_head", torch.zeros(2, 3), torch.zeros(4, 3), 0.5)
