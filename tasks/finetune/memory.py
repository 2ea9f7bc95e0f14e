"""Memory that full-parameter SFT takes, reckoned before it starts.

In:  Shape(parameters=135e6, hidden=576, layers=30, vocabulary=49152), 4,096 tokens in a pass, bfloat16 passes
Out: 5.7 GiB

Weights, gradients and AdamW's two moments are float32 (16 bytes a parameter, over `processes` by ZeRO-3); autocast
keeps a bfloat16 copy of the weights beside them; with activations recomputed each layer leaves its input alone; the
logits exist in bfloat16, and in float32 as themselves, as the softmax and as its gradient: those of every token, or
where the loss is taken in chunks (packed passes) those of a chunk.
"""

from tasks.finetune.config import FinetuneConfig
from tasks.rows.memory import CHUNK, IMPORTED, LOGITS, OF_A_LAYER, Shape
from tasks.rows.precision import Precision

STATE, FROZEN = 16, 4  # bytes a parameter: weight, gradient, two moments; weight alone
CPU_TOKENS = 2048  # of a packed pass on a CPU: more do not stay in its caches
MOST_TOKENS, LEAST_TOKENS = 65_536, 1024  # of a pass: more than the first compute no faster


def state_of(config: FinetuneConfig) -> int:
    """Bytes a parameter of what is trained: a LoRA's weights are as good as none beside the frozen ones."""
    return FROZEN if config.lora_rank else STATE


def sft_bytes(
    shape: Shape,
    tokens: int,
    precision: Precision,
    processes: int = 1,
    logits: int | None = None,
    state: int = STATE,
) -> int:
    """Bytes on each GPU while a pass of `tokens`, padding included, goes backward; activations are recomputed.

    `logits`: most tokens whose logits are in memory at once; None: all of the pass. `state`: bytes a parameter.
    """
    size = 2 if precision == "bfloat16" else 4
    copy = shape.parameters * 2 if precision == "bfloat16" else 0
    # One process trains float32 weights under autocast: the embedding, and what layers hand on, stay float32.
    handed_on = size if processes > 1 else 4
    activations = tokens * shape.hidden * (handed_on * shape.layers + size * OF_A_LAYER)
    held = tokens if logits is None else min(tokens, logits)
    return shape.parameters * state // processes + copy + activations + held * shape.vocabulary * LOGITS[precision]


def frozen_bytes(shape: Shape, precision: Precision) -> int:
    """Bytes on each GPU of a frozen pi_0 beside the model, whole on each, and of its logits of a chunk."""
    return shape.parameters * (2 if precision == "bfloat16" else 4) + CHUNK * shape.vocabulary * LOGITS[precision]


def beside_bytes(config: FinetuneConfig, shape: Shape, precision: Precision, processes: int) -> int:
    """Bytes on each GPU of what a method keeps beside the model: a frozen one, whole; pi_0's weights that an L2 anchor
    pulls to, divided like the model's own."""
    frozen = frozen_bytes(shape, precision) if config.compares else 0
    return frozen + (4 * shape.parameters // processes if config.l2 else 0)


def host_bytes(config: FinetuneConfig, shape: Shape, precision: Precision) -> int:
    """Bytes that its processes take of a machine without GPUs."""
    processes = config.processes or 1
    tokens = (config.tokens_per_pass or CPU_TOKENS) >> config.less
    each = sft_bytes(shape, tokens, precision, processes, CHUNK, state_of(config))
    return processes * (IMPORTED + each + beside_bytes(config, shape, precision, processes))


def tokens_that_fit(
    shape: Shape, memory: int, precision: Precision, processes: int, logits: int, state: int = STATE
) -> int:
    """Most tokens of a pass on a GPU of `memory` bytes, of which a tenth is left free; at most MOST_TOKENS.

    Where the weights alone do not fit it is LEAST_TOKENS: the engine then says how much is missing.
    """
    fixed = sft_bytes(shape, 0, precision, processes, state=state)
    of_logits = sft_bytes(shape, logits, precision, processes) - sft_bytes(shape, logits, precision, processes, 0)
    each = sft_bytes(shape, 1, precision, processes, 0, state) - fixed
    return min(MOST_TOKENS, max(LEAST_TOKENS, int((0.9 * memory - fixed - of_logits) // each)))
