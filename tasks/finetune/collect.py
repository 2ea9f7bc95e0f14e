"""What is left of a training: the model as transformers and vLLM read it, its losses, its figures.

In:  out/scratch/trainer/model.safetensors (of LoRA adapter_model.safetensors), out/scratch/losses.jsonl
Out: out/model/ with pi_0's own tokenizer, template and config; loss.jsonl; scratch/metrics.json
"""

import json
import shutil
from pathlib import Path

from tasks.finetune.arguments import precision
from tasks.finetune.rounding import rounded_back
from tasks.finetune.spec import FinetuneSpec
from tasks.rows.jsonl import read_rows, write_rows
from tasks.runtime.engines.spec import write_metrics
from tasks.runtime.files.whole_file import write_json


def collect(spec: FinetuneSpec) -> None:
    """Leave model/ and loss.jsonl in `out`, and the figures in scratch/metrics.json."""
    trained, model, scratch = spec.out / "scratch" / "trainer", spec.out / "model", spec.out / "scratch"
    shutil.rmtree(model, ignore_errors=True)
    model.mkdir()
    if spec.config.lora_rank is not None:
        merge_adapter(spec.backbone, trained)
    weights = sorted(trained.glob("model*.safetensors*"))
    if not weights:
        raise FileNotFoundError(f"{trained}: LLaMA-Factory left no safetensors")
    for path in weights:
        shutil.move(path, model / path.name)
    for path in spec.backbone.iterdir():
        if path.is_file() and path.suffix in {".json", ".jinja", ".model", ".txt"} and "safetensors" not in path.name:
            shutil.copyfile(path, model / path.name)  # the tokenizer of pi_0, not what the trainer made of it
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    saved = json.loads((trained / "config.json").read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)
    config["dtype"] = saved.get("dtype") or saved.get("torch_dtype")
    write_json(model / "config.json", config)
    losses = {row["step"]: row for row in read_rows(scratch / "losses.jsonl")}  # the last value of a repeated step
    write_rows(spec.out / "loss.jsonl", [losses[step] for step in sorted(losses)])
    counts: dict[str, int] = json.loads((scratch / "counts.json").read_text(encoding="utf-8"))
    tail = [losses[step]["loss"] for step in sorted(losses)][-max(1, len(losses) // 10) :]
    figures = {
        "steps": max(losses),
        "first_loss": losses[min(losses)]["loss"],
        "final_loss": sum(tail) / len(tail),
    }
    figures |= {"processes": spec.world, "dtype": precision(spec), "rounded_back": rounded_back(spec.backbone, model)}
    write_metrics(spec.out, counts | figures)


def merge_adapter(backbone: Path, trained: Path) -> None:
    """Add the LoRA matrices that were trained to pi_0's weights, in float32 on the CPU: whole weights in `trained`."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    unset_hf_deepspeed_config()  # it outlives the training: transformers would shard the model over ranks that are gone
    base = AutoModelForCausalLM.from_pretrained(
        backbone, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
    )
    merged = PeftModel.from_pretrained(base, str(trained)).merge_and_unload(safe_merge=True)
    merged.save_pretrained(str(trained))
