"""In which file of a model's folder each of its tensors lies.

In:  a folder with model-00001-of-00002.safetensors, model-00002-of-00002.safetensors
Out: {"model.embed_tokens.weight": FOLDER/model-00001-of-00002.safetensors, …}
"""

from pathlib import Path

from safetensors import safe_open


def places(folder: Path) -> dict[str, Path]:
    """Tensor name → the file that holds it."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            found |= dict.fromkeys(file.keys(), path)
    return found
