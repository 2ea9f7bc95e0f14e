"""The checks by name, what each needs beside PyTorch and transformers, and what a machine can be asked.

In:  Setup(device="cuda", size="135m", model=…/135m, folder=…)
Out: {"check": "scorer", "size": "135m", "state": "passed", "seconds": 21.4, "figures": {"tokens_per_second": …}}
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
Check = Callable[["Setup"], Figures]

# Each is the function `check` of the module of that name.
NEEDS = {
    "scorer": (),
    "sft": (),
    "embedder": ("sentence_transformers",),
    "reward": ("peft", "sentence_transformers", "math_verify"),
    "grpo": ("peft", "trl", "datasets", "sentence_transformers", "math_verify"),
    "grpo_vllm": ("peft", "trl", "datasets", "sentence_transformers", "math_verify", "vllm"),
}


@dataclass(frozen=True)
class Setup:
    """`model` is a transformers folder, `folder` an empty one that the check may fill."""

    device: str
    size: str
    model: Path
    folder: Path

    @property
    def cuda(self) -> bool:
        return self.device == "cuda"


class CheckFailed(AssertionError):
    """A figure is not what it has to be; the message has both."""


def lacks(name: str) -> list[str]:
    """The packages that check `name` needs and this interpreter has not."""
    return [package for package in NEEDS[name] if find_spec(package) is None]


def run(name: str, setup: Setup) -> dict[str, Any]:
    """The check's row. Raises nothing: what went wrong is the row's `reason`."""
    row: dict[str, Any] = {"check": name, "size": setup.size}
    if missing := lacks(name):
        return row | {"state": "skipped", "reason": f"not installed: {', '.join(missing)}"}
    start = time.perf_counter()
    check: Check = import_module(f"infra.gpu_check.{name}").check
    try:
        row |= {"state": "passed", "figures": check(setup)}
    except Exception as error:
        row |= {"state": "failed", "reason": f"{type(error).__name__}: {error}"}
    return row | {"seconds": round(time.perf_counter() - start, 1)}


def require(holds: bool, what: str) -> None:
    """Raises CheckFailed with `what` unless it holds."""
    if not holds:
        raise CheckFailed(what)


def timed(device: str, work: Callable[[], Any], repeats: int = 3) -> float:
    """Seconds of `work`, the smallest of `repeats` after one that warms up, with the GPU's queue drained."""
    import torch

    def once() -> float:
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    once()
    return min(once() for _ in range(repeats))


def peak_gib(device: str) -> float | None:
    """Most GPU memory that PyTorch held since the last reset, in GiB; None on a CPU."""
    import torch

    return torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else None
