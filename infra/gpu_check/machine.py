"""The machine as the checks' figures need it: GPUs, processor, versions."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "vllm",
    "accelerate",
    "sentence-transformers",
    "flash-attn",
    "numpy",
)


def machine() -> dict[str, Any]:
    """GPUs with their memory in GiB, and what is installed; no host name, no path."""
    import torch

    gpus = []
    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        gpus.append({"name": about.name, "gib": round(about.total_memory / 2**30, 1)})
    return {
        "gpus": gpus,
        "cuda": torch.version.cuda,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
