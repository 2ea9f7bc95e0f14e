"""Where a model's files are in an artifact: a backbone is one, a tuned model has one in model/."""

from pathlib import Path


def model_folder(artifact: Path) -> Path:
    """The folder of config.json, model.safetensors, tokenizer.json, …"""
    inside = artifact / "model"
    return inside if inside.is_dir() else artifact
