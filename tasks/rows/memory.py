"""Memory of engines that hold a model on a machine's cores, reckoned from its files before they start.

In:  the folder of a model of 494 million parameters with 151,936 tokens, bfloat16
Out: 2.6 GiB where it reads (`reading`), 4.5 GiB where vLLM samples from it (`sampling`)

The kernel counted 2.2 and 4.0 GiB (its cache was hardly filled). What an engine did hold stands in its artifact, as
cost.peak_bytes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from tasks.rows.precision import Dtype, parameters, resolve

IMPORTED = int(0.7 * 2**30)  # bytes of a process that has imported PyTorch and what it needs of transformers
SIZE = {"bfloat16": 2, "float32": 4}  # bytes a value
LOGITS = {"bfloat16": 2 + 3 * 4, "float32": 3 * 4}  # bytes a logit with its gradient
# Values a token that a layer keeps for its gradients, in widths of the model: attention, MLP of 3 to 4 widths.
OF_A_LAYER = 34
CHUNK = 1024  # places whose logits are in memory at once
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


def shape_of(folder: Path) -> Shape:
    """The shape of the model in `folder`, from its config and the headers of its weights.

    Raises:
        KeyError: its config names its shape otherwise.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return Shape(parameters(folder), config["hidden_size"], config["num_hidden_layers"], config["vocab_size"])


def reading(folder: Path, dtype: Dtype) -> int:
    """Bytes of a process that reads texts with the model: its weights, and the logits of a chunk, in float32 too."""
    size = SIZE[resolve(dtype, folder, cuda=False)]
    return IMPORTED + size * parameters(folder) + CHUNK * _vocabulary(folder) * (size + 4)


def sampling(folder: Path, dtype: Dtype, sequences: int | None = None) -> int:
    """Bytes of a process in which vLLM samples from the model: its weights twice, as read and packed for the cores."""
    weights = SIZE[resolve(dtype, folder, cuda=False)] * parameters(folder)
    drawn = (sequences or SEQUENCES) * _vocabulary(folder) * SAMPLED
    return IMPORTED + 2 * weights + CACHE_GIB * 2**30 + drawn


def cached(folder: Path, dtype: Dtype) -> int:
    """Bytes of a token's keys and values in all layers."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    heads = config["num_attention_heads"]
    width = config.get("head_dim") or config["hidden_size"] // heads
    keys = width * (config.get("num_key_value_heads") or heads)
    return int(2 * config["num_hidden_layers"] * keys * SIZE[resolve(dtype, folder, cuda=False)])


def _vocabulary(folder: Path) -> int:
    """Its tokens; 0 where the config does not say."""
    return int(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("vocab_size", 0))
