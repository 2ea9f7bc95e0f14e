"""Memory of a stage on each of its GPUs, and the artifact's size on disk, reckoned from the model's shape.

In:  a finetune of Mistral-7B in four processes, rows of 8,192 tokens
Out: 54.1 GiB a GPU, of which state 27 GiB                 (tasks/finetune/memory.py reckons SFT)

Inference: weights in bfloat16 and the cache of at least one sequence of the longest kind. GRPO in verl: while it rolls
out, the actor and vLLM's share; while it learns, actor, adapter with AdamW, and the logits of one pass. In TRL, one
process, all at once: vLLM's share stays while a micro-batch of the longest rewrites goes backward.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.plan.table import Gpu, Model, table
from tasks.backbone.config import BackboneConfig
from tasks.finetune.memory import STATE, beside_bytes, sft_bytes, state_of
from tasks.rows.memory import CHUNK, LOGITS, ROLLOUT_SHARE, shape_of
from tasks.rows.source import local_path
from tasks.train_agent.memory import learning

GB = 1e9
EMBEDDER = 1.2 * GB  # Qwen3-Embedding-0.6B in bfloat16
# A token in the embedder's layer at work, without gradients: 14 widths of 1,024 (gate, up, product, norms in float32).
EMBEDDED_TOKEN = 14 * 1024 * 2
EMBEDDED_TEXTS = 128  # at once, all as long as the longest (tasks/score/embeddings.py)
CONTEXT = 1.0 * GB  # CUDA's context, kernels, fragments


@dataclass(frozen=True)
class Need:
    """Bytes on each GPU, and what they hold."""

    bytes: float
    told: str


def model_of(config: BackboneConfig, stored: Path | None = None) -> Model | None:
    """The shape of a backbone: of its artifact or folder, else by the table; None where neither knows it."""
    folder = stored or local_path(config.model)
    if folder is not None and (folder / "config.json").is_file() and list(folder.glob("*.safetensors")):
        with suppress(KeyError, ValueError):  # its config names its shape otherwise, or is none
            return Model(**asdict(shape_of(folder)))
    known = table().models
    return next((known[name] for name in known if config.model.startswith(name)), None)


def need(kind: str, config: Any, model: Model | None, gpus: int, gpu: Gpu, longest: int) -> Need | None:
    """What a stage takes of each of its `gpus`; None where it has no model, or one of a shape that is not known.

    Args:
        longest: tokens of the longest row, prompt included, where the config names none.
    """
    if kind == "diversity":
        texts = EMBEDDED_TEXTS * longest * EMBEDDED_TOKEN
        told = f"embedder {EMBEDDER / GB:.1f} GB, {EMBEDDED_TEXTS} longest texts {texts / GB:.0f} GB"
        return Need(EMBEDDER + texts + CONTEXT, told)
    if model is None:
        return None
    if kind == "finetune":
        shape = model.shape
        row, state = min(config.max_tokens, longest), state_of(config)
        # Packed passes are as long as the memory allows, at least the longest row.
        tokens, logits = (row, CHUNK) if config.packing else (row * config.per_device_batch, None)
        beside = beside_bytes(config, shape, "bfloat16", gpus)
        bytes_ = sft_bytes(shape, tokens, "bfloat16", gpus, logits, state) + beside + CONTEXT
        told = f"state {model.parameters * state / gpus / GB:.0f} GB"
        return Need(bytes_, told + (f", pi_0 {beside / GB:.0f} GB" if beside else ""))
    if kind in ("rewrite", "self_solve", "measure", "evaluate"):
        tokens = getattr(config, "max_prompt_tokens", 2048) + config.max_new_tokens
        return _inference(model, config.tensor_parallel, tokens)
    if kind == "score":
        logits = (config.tokens_per_batch or 32768) * model.vocabulary * LOGITS["bfloat16"]
        return Need(model.parameters * 2 + min(logits, 0.5 * gpu.memory * GB) + CONTEXT, "weights, and a pass's logits")
    if kind in ("read_base", "drift"):
        return Need(model.parameters * 2 + CONTEXT + 4 * GB, "weights, pi_0's head, and a pass's logits")
    if kind == "train_agent":
        return _verl(config, model, gpus, gpu) if config.engine == "verl" else _trl(config, model, gpu)
    return None


def _inference(model: Model, gpus: int, tokens: int) -> Need:
    cache = 2 * model.layers * model.cache_width * 2 * tokens
    told = f"weights {model.parameters * 2 / gpus / GB:.1f} GB, {cache / gpus / GB:.2f} GB a longest sequence"
    return Need((model.parameters * 2 + cache) / gpus + CONTEXT, told)


def _trl(config: Any, model: Model, gpu: Gpu) -> Need:
    """One process holds the model in bfloat16, the adapter with AdamW, vLLM with weights of its own within its share,
    the embedder, and what a micro-batch of the longest rewrites keeps for its gradients."""
    learns = learning(config, model.shape, "bfloat16")
    rollout = (config.vllm_memory if config.rollout == "vllm" else ROLLOUT_SHARE) * gpu.memory * GB
    held = model.parameters * 2 + _adapter(config, model) + EMBEDDER + CONTEXT
    told = f"rollout {rollout / GB:.0f} GB, {config.micro_batch} longest rewrites {learns / GB:.0f} GB"
    # Keys and values of transformers' rollout are gone when it learns; vLLM keeps its share.
    both = rollout + learns if config.rollout == "vllm" else max(rollout, learns)
    return Need(held + both, told)


def _adapter(config: Any, model: Model) -> float:
    """A LoRA on all linear layers with its gradient and AdamW's moments."""
    return float(2 * config.rank * 7 * model.hidden * model.layers * STATE)


def _verl(config: Any, model: Model, gpus: int, gpu: Gpu) -> Need:
    where = config.verl
    actor = model.parameters * 4 / (gpus * where.machines)
    adapter = _adapter(config, model) / (gpus * where.machines)
    learning = actor + adapter + where.tokens_per_gpu * model.vocabulary * LOGITS["float32"] + EMBEDDER + CONTEXT
    rollout = (0 if where.offload else actor + adapter) + config.vllm_memory * gpu.memory * GB + EMBEDDER + CONTEXT
    told = f"rollout {rollout / GB:.0f} GB, learning {learning / GB:.0f} GB"
    weights = model.parameters * 2 / where.tensor_parallel
    if weights > config.vllm_memory * gpu.memory * GB:
        rollout += weights - config.vllm_memory * gpu.memory * GB
    return Need(max(learning, rollout), told)


def disk(kind: str, config: Any, model: Model | None, rows: int, tokens: float) -> float:
    """Bytes of the artifact: weights as they are written, three bytes of text a token, 300 bytes a row."""
    if kind == "backbone":
        return 0.0 if config.tokenizer_only or model is None else model.parameters * 2.0
    if kind in ("finetune", "average") and model is not None:
        return model.parameters * 4.0
    if kind == "train_agent" and model is not None:
        return 2.0 * config.rank * 7 * model.hidden * model.layers * 4
    return 300.0 * rows + 3.0 * tokens
