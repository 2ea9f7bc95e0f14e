"""Memory of engines that hold a model on a machine's cores, reckoned from its files before they start.

In:  the shape of a model of 494 million parameters with 151,936 tokens, bfloat16
Out: 2.5 GiB where it reads (`reading`), 4.8 GiB where vLLM samples from it (`sampling`)

The kernel counted 2.2 and 4.0 to 4.4 GiB. What an engine did hold stands in its artifact, as cost.peak_bytes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tasks.rows.precision import Dtype, Precision, parameters, resolve

IMPORTED = int(0.7 * 2**30)  # bytes of a process that has imported PyTorch and what it needs of transformers
WITH_VLLM = int(1.05 * 2**30)  # and vLLM: nano's engines held 1.9 to 2.1 GiB, one of them its cache
SIZE = {"bfloat16": 2, "float32": 4}  # bytes a value
LOGITS = {"bfloat16": 2 + 3 * 4, "float32": 3 * 4}  # bytes a logit with its gradient
# Values a token that a layer keeps for its gradients, in widths of the model: attention, MLP of 3 to 4 widths.
OF_A_LAYER = 34
CHUNK = 1024  # places whose logits are in memory at once: with a vocabulary of 128k, 0.5 GB in float32
CACHE_GIB = 1  # of vLLM's keys and values
# Of keys and values where transformers samples: at most so many bytes on cores, this share of a GPU.
ROLLOUT_CACHE, ROLLOUT_SHARE = 4 * 2**30, 0.3
SEQUENCES = 256  # that vLLM decodes at once
SAMPLED = 6 * 4  # bytes a logit while vLLM draws from it: in float32, sorted, with its places


@dataclass(frozen=True)
class Shape:
    """What memory depends on of a decoder-only model."""

    parameters: int
    hidden: int
    layers: int
    vocabulary: int
    cache_width: int = 0  # of the keys of one layer and token; the values' is the same


def shape_of(folder: Path) -> Shape:
    """The shape of the model in `folder`, from its config and the headers of its weights.

    Raises:
        KeyError: its config names its shape otherwise.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    heads = config.get("num_attention_heads") or 1
    width = config.get("head_dim") or config["hidden_size"] // heads
    return Shape(
        parameters(folder),
        config["hidden_size"],
        config["num_hidden_layers"],
        config["vocab_size"],
        width * (config.get("num_key_value_heads") or heads),
    )


def on_cores(folder: Path, dtype: Dtype, reckon: Callable[[Shape, Precision], int]) -> int:
    """What `reckon` says of the model in a folder, in what it is computed in on cores; 0 where its config names its
    shape otherwise."""
    try:
        shape = shape_of(folder)
    except KeyError:
        return 0
    return reckon(shape, resolve(dtype, folder, cuda=False))


def reading(shape: Shape, precision: Precision) -> int:
    """Bytes of a process that reads texts with the model: its weights, and the logits of a chunk, in float32 too."""
    size = SIZE[precision]
    return IMPORTED + size * shape.parameters + CHUNK * shape.vocabulary * (size + 4)


def sampling(shape: Shape, precision: Precision, sequences: int | None = None) -> int:
    """Bytes of a process in which vLLM samples from the model: its weights twice, as read and packed for the cores."""
    drawn = (sequences or SEQUENCES) * shape.vocabulary * SAMPLED
    return WITH_VLLM + 2 * SIZE[precision] * shape.parameters + CACHE_GIB * 2**30 + drawn


def cached(shape: Shape, precision: Precision) -> int:
    """Bytes of a token's keys and values in all layers."""
    return 2 * shape.layers * shape.cache_width * SIZE[precision]
