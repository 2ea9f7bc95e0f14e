"""The averaging engine: safetensors in, safetensors out, one tensor of each model in memory at a time.

In:  a spec (tasks/average/config.py)
Out: model/ with the tuned model's files, its weights averaged; scratch/metrics.json

An output file has the header of the tuned model's file, byte for byte: the same tensors, dtypes and places. safetensors
itself writes whole files from tensors that are all in memory (0.8).
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from tasks.average.config import AverageSpec
from tasks.rows.tensors import places
from tasks.runtime.engines.spec import read_spec, write_metrics
from tasks.runtime.progress.progress import report


class Unlike(ValueError):
    """Two models that have no average: names the tensor."""


def main() -> None:
    """Average every file of the tuned model's weights; copy the others."""
    spec = read_spec(AverageSpec)
    model = spec.out / "model"
    shutil.rmtree(model, ignore_errors=True)
    model.mkdir(parents=True)
    counts = {"tensors": 0, "parameters": 0}
    base = places(spec.backbone)
    for path in sorted(one for one in spec.tuned.iterdir() if one.is_file()):
        if path.suffix == ".safetensors":
            average_file(path, base, spec.config.share, model / path.name, counts)
        else:
            shutil.copyfile(path, model / path.name)
    if not counts["tensors"]:
        raise FileNotFoundError(f"{spec.tuned}: no safetensors")
    write_metrics(spec.out, counts)


def average_file(tuned: Path, base: dict[str, Path], share: float, out: Path, counts: dict[str, int]) -> None:
    """Write the average of the tensors of `tuned` with those of their names.

    Raises:
        Unlike: the base lacks a tensor, or has it in another shape.
    """
    with tuned.open("rb") as file:
        size = file.read(8)
        header = file.read(int.from_bytes(size, "little"))
    tensors: dict[str, Any] = json.loads(header)
    tensors.pop("__metadata__", None)
    order = sorted(tensors, key=lambda name: tensors[name]["data_offsets"])
    with out.open("wb") as file, safe_open(tuned, framework="pt") as theirs:
        file.write(size + header)
        for number, name in enumerate(order, 1):
            if name not in base:
                raise Unlike(f"{tuned}: the backbone has no tensor {name}: only models of one shape have an average")
            with safe_open(base[name], framework="pt") as ours:
                mixed = mix(name, ours.get_tensor(name), theirs.get_tensor(name), share)
            file.write(mixed.contiguous().view(-1).view(torch.uint8).numpy().data)
            counts["tensors"] += 1
            counts["parameters"] += mixed.numel()
            report(number, len(order), "tensors")


def mix(name: str, base: torch.Tensor, tuned: torch.Tensor, share: float) -> torch.Tensor:
    """(1 - share) base + share tuned, in float32, rounded to the tuned one's dtype.

    Raises:
        Unlike: their shapes differ.
    """
    if base.shape != tuned.shape:
        raise Unlike(f"tensor {name} is {tuple(base.shape)} in the backbone, {tuple(tuned.shape)} in the tuned model")
    return ((1 - share) * base.float() + share * tuned.float()).to(tuned.dtype)


if __name__ == "__main__":
    main()
