"""verl's checkpoints: which one to resume from, and the adapter in the last one.

In:  checkpoints/global_step_20/{actor/model_world_size_4_rank_0.pt, …, data.pt, whole}
Out: adapter/ (PEFT), in float32

verl writes the step to resume from into a file of its own after the shards. A kill can leave that file empty, or a
folder without its last shard; so a checkpoint counts that bears the mark `whole`, written last,
after the step's row of steps.jsonl.
"""

import json
import shutil
from pathlib import Path
from typing import Any

WHOLE = "whole"
LATEST = "latest_checkpointed_iteration.txt"


def last_whole_step(folder: Path) -> int:
    """The newest step with a whole checkpoint, 0 without one; verl will resume from it. Half-written ones go."""
    steps = []
    for path in folder.glob("global_step_*"):
        if (path / WHOLE).exists():
            steps.append(int(path.name.rpartition("_")[2]))
        else:
            shutil.rmtree(path)
    latest = folder / LATEST
    latest.unlink(missing_ok=True)
    if not steps:
        return 0
    latest.write_text(str(max(steps)), encoding="utf-8")
    return max(steps)


def export_adapter(actor: Path, folder: Path, rank: int, alpha: int) -> None:
    """Write the adapter of a checkpoint's `actor` folder as a PEFT folder, whole or not at all.

    verl's own merger rounds it to bfloat16 and then fails on a checkpoint that holds the adapter only.

    Raises:
        ValueError: the checkpoint holds no adapter, or its shards are laid out in a way that is not known here.
    """
    from peft import LoraConfig
    from safetensors.torch import save_file

    from tasks.train_agent.adapter import plain_config

    tensors = {name.replace(".default.weight", ".weight"): tensor for name, tensor in _tensors(actor).items()}
    if not tensors:
        raise ValueError(f"{actor}: the checkpoint holds no LoRA weights")
    modules = sorted({name.split(".")[-3] for name in tensors})
    config = LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=modules, task_type="CAUSAL_LM", inference_mode=True
    )
    temporary = folder.with_name(folder.name + ".partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    config.save_pretrained(str(temporary))
    plain_config(temporary / "adapter_config.json")
    save_file(tensors, temporary / "adapter_model.safetensors", metadata={"format": "pt"})
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)


def _tensors(actor: Path) -> dict[str, Any]:
    """The adapter's weights, float32, from the shards of all ranks (FSDP2: each is a DTensor split along one axis)."""
    import torch
    from torch.distributed.tensor import DTensor, Shard

    ranks = int(json.loads((actor / "fsdp_config.json").read_text(encoding="utf-8"))["world_size"])
    # Our own files, from this run's scratch folder; DTensors need the unpickler.
    shards = [
        torch.load(actor / f"model_world_size_{ranks}_rank_{rank}.pt", map_location="cpu", weights_only=False)
        for rank in range(ranks)
    ]
    found = {}
    for name in sorted(name for name in shards[0] if "lora_" in name):
        parts = [shard[name] for shard in shards]
        if isinstance(parts[0], DTensor):
            (placement,) = parts[0].placements
            local = [part.to_local() for part in parts]
            whole = torch.cat(local, dim=placement.dim) if isinstance(placement, Shard) else local[0]
        else:
            whole = parts[0]
        found[name] = whole.float().contiguous()
    return found
