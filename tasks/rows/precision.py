"""What an engine computes in: bfloat16 where the hardware multiplies it fast and rounding does not show, else float32.

In:  "auto", the folder of a model of 135 million parameters, a processor with AVX512-BF16
Out: "bfloat16"     nano (a million parameters) stays in float32, whose bytes are the same on every run

Matrix products in bfloat16 run twice as fast there (152 against 74 GFLOPS on two cores, measured); a processor without
the instructions emulates them, slower than float32.

A stage's key holds `auto` itself, not what it meant: machines of different processors agree on a result up to rounding,
and find each other's. What was used stands in the artifact's metrics, as `dtype`.
"""

import json
from functools import cache
from math import prod
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

Dtype = Literal["auto", "float32", "bfloat16"]
Precision = Literal["float32", "bfloat16"]

SMALL = 20_000_000  # parameters up to which a model on a CPU is computed in float32
CPU_FLAGS = {"avx512_bf16", "amx_bf16"}


def dtype_field() -> Any:
    """The field `dtype` of every engine's config."""
    return Field(
        default="auto",
        description="Precision of the model: float32 or bfloat16. auto: bfloat16 on CUDA, and on a processor that has "
        "it for models over 20M parameters; the metrics say which. Trained weights are kept in float32 in either case.",
    )


def resolve(dtype: Dtype, folder: Path, cuda: bool) -> Precision:
    """What `dtype` means for the model in `folder` on this machine."""
    if dtype != "auto":
        return dtype
    if cuda:
        return "bfloat16"
    return "bfloat16" if processor_has_bfloat16() and parameters(folder) > SMALL else "float32"


@cache
def processor_has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this machine's processor multiplies bfloat16 itself."""
    if not cpuinfo.exists():
        return False
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return not CPU_FLAGS.isdisjoint(flags.split())


def parameters(folder: Path) -> int:
    """Parameters of the model in `folder`."""
    return sum(parameter_count(path) for path in folder.glob("*.safetensors"))


def parameter_count(path: Path) -> int:
    """Parameters in a safetensors file, from its header alone."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
