"""Memory of TRL's process while a micro-batch of the longest rewrites goes backward, and on a machine without GPUs.

In:  micro-batches of 4 rewrites of 320 tokens, a model of 494 million parameters in bfloat16
Out: 4.6 GiB of what is kept for their gradients (`learning`)
"""

from tasks.rows.memory import (
    CHUNK,
    IMPORTED,
    LOGITS,
    OF_A_LAYER,
    ROLLOUT_CACHE,
    SIZE,
    Shape,
    cached,
    sampling,
)
from tasks.rows.precision import Precision
from tasks.train_agent.config import TrainAgentConfig

EMBEDS = int(0.3 * 2**30)  # bytes of sentence-transformers with a small embedding model


def learning(config: TrainAgentConfig, shape: Shape, precision: Precision) -> int:
    """Bytes that a micro-batch of the longest rewrites keeps for its gradients.

    A layer keeps 25 to 38 widths a token (PyTorch's saved tensors, counted with a LoRA of rank 64 and MLPs of 2.7 and
    5.4 widths). Where activations are recomputed TRL's own pass is taken, with the logits of the micro-batch whole.
    """
    rewrites = config.micro_batch * config.max_new_tokens
    if config.gradient_checkpointing:
        tokens, kept = rewrites + config.micro_batch * config.max_prompt_tokens, shape.layers + OF_A_LAYER
        logits = rewrites * shape.vocabulary
    else:
        prompts = -(-config.micro_batch // config.candidates)  # each read once for all its rewrites
        tokens, kept = rewrites + prompts * config.max_prompt_tokens, shape.layers * OF_A_LAYER
        logits = min(rewrites, CHUNK) * shape.vocabulary
    return tokens * kept * shape.hidden * SIZE[precision] + logits * LOGITS[precision]


def host_bytes(config: TrainAgentConfig, shape: Shape, precision: Precision) -> int:
    """Bytes that TRL's process takes of a machine without GPUs; 0 for verl, which is not reckoned."""
    if config.engine != "trl":
        return 0
    if config.rollout == "vllm":
        rollouts = sampling(shape, precision) - IMPORTED
    else:
        tokens = config.prompts_per_step * config.candidates * (config.max_prompt_tokens + config.max_new_tokens)
        rollouts = min(ROLLOUT_CACHE, tokens * cached(shape, precision))
    weights = SIZE[precision] * shape.parameters
    read = CHUNK * shape.vocabulary * LOGITS[precision]  # a step's rewrites, a whole chunk at a time
    return IMPORTED + EMBEDS + weights + rollouts + read + learning(config, shape, precision)
