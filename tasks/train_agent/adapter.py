"""The agent as a PEFT folder: what transformers and vLLM load, and nothing that depends on this machine.

adapter/adapter_config.json   r, alpha, the modules by name (vLLM wants their list), no path of the backbone
adapter/adapter_model.safetensors
"""

import json
import shutil
from pathlib import Path
from typing import Any


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter of a PEFT model to `folder`, whole or not at all; the same weights give the same bytes."""
    temporary = folder.with_name(folder.name + ".partial")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary, safe_serialization=True)
    (temporary / "README.md").unlink(missing_ok=True)
    plain_config(temporary / "adapter_config.json")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)


def plain_config(path: Path) -> None:
    """Take out of an adapter_config.json what depends on the machine or changes from run to run."""
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = None  # the manifest says which backbone; a path would differ by machine
    config["target_modules"] = sorted(config["target_modules"])  # PEFT keeps a set, in an order that changes
    path.write_text(json.dumps(config, indent=1, sort_keys=True), encoding="utf-8")
