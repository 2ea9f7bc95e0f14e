"""The shipped table: what is assumed where the store has measured nothing, every row with its source (table.yaml)."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from tasks.rows.memory import Shape


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Speed(_Row):
    """Units a second of one GPU, or of one process on a CPU."""

    kinds: tuple[str, ...]
    device: str  # cpu, a name of `gpus`, or any
    parameters: float | None = None
    start: float
    per_second: float
    source: str


class Length(_Row):
    """Tokens of one row of these kinds of stage, of the model with so many parameters."""

    kinds: tuple[str, ...]
    parameters: int
    tokens: float
    source: str


class Corpus(_Row):
    """A corpus of the hub: its rows, bytes that are downloaded; tokens of a solution at the mean, and the standard
    deviation of their logarithms."""

    rows: int
    download: float
    tokens: float
    spread: float
    source: str


class Gpu(_Row):
    """By the data sheet: GB, GB/s and TFLOPS in bfloat16 without sparsity; `called`: what the driver's name holds."""

    memory: float
    bandwidth: float
    tflops: float
    called: tuple[str, ...]


class Model(_Row):
    """What memory depends on. `cache_width`: width of the keys of one layer and token; the values' is the same."""

    parameters: int
    hidden: int
    layers: int
    vocabulary: int
    cache_width: int
    gated: bool = False

    @property
    def shape(self) -> Shape:
        """What memory is reckoned from."""
        return Shape(**self.model_dump(exclude={"gated"}))


class Table(_Row):
    """table.yaml: what is known, measured or reckoned before anything is run."""

    speeds: tuple[Speed, ...]
    lengths: tuple[Length, ...]
    corpora: dict[str, Corpus]
    questions: dict[str, int]
    gpus: dict[str, Gpu]
    models: dict[str, Model]


def on_the_hub(path: str, files: str) -> Corpus | None:
    """What is known of a repository's corpus; of one of N files, a name that ends in -of-0000N, an Nth of it."""
    known = table().corpora.get(path)
    one_of = re.search(r"\d-of-(\d+)\.", files)
    if known is None or one_of is None:
        return known
    parts = max(1, int(one_of[1]))
    return known.model_copy(update={"rows": known.rows // parts, "download": known.download / parts})


@cache
def table() -> Table:
    """The table, read once."""
    text = (Path(__file__).parent / "table.yaml").read_text(encoding="utf-8")
    values: Any = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return Table.model_validate(values)


def gpu_called(name: str) -> str | None:
    """The table's name of a GPU by what its driver calls it: h100-80 of "NVIDIA H100 80GB HBM3"."""
    return next((device for device, gpu in table().gpus.items() if all(one in name for one in gpu.called)), None)
