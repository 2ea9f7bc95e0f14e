"""GGUF files of models with random weights, written as llama.cpp's converter writes them.

`python -m tests.tasks.backbone.tiny_gguf FILE` writes one, for tests of an environment that lacks the gguf library.
"""

import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config
from transformers.convert_slow_tokenizer import bytes_to_unicode

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["1 2", "3 4", "h e", "l l", "he ll", "hell o"]
TOKENS = [*SPECIAL, *bytes_to_unicode().values(), *(merge.replace(" ", "") for merge in MERGES), "pad"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
F32, Q8_0, Q4_0 = gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0


def tiny_model(kind: str = "llama", tied: bool = True) -> Any:
    """A model of two layers with random weights; `kind`: llama or qwen2."""
    torch.manual_seed(0)
    config = {"llama": LlamaConfig, "qwen2": Qwen2Config}[kind](
        vocab_size=len(TOKENS),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=tied,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.2,
    )
    return AutoModelForCausalLM.from_config(config).float().eval()


def write_gguf(
    path: Path,
    model: Any,
    *,
    pre: str = "smollm",
    template: str | None = TEMPLATE,
    head: gguf.GGMLQuantizationType | None = None,
    embedding: gguf.GGMLQuantizationType = F32,
    matrices: gguf.GGMLQuantizationType = F32,
    more: dict[str, np.ndarray] | None = None,
) -> Path:
    """Write `model`; `head`: how output.weight is stored, None where the file has none."""
    config, kind = model.config, model.config.model_type
    writer = gguf.GGUFWriter(path, kind)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(TOKENS)
    writer.add_token_types([gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL for token in TOKENS])
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    if template is not None:
        writer.add_chat_template(template)
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA if kind == "llama" else gguf.MODEL_ARCH.QWEN2, 2)
    for name, values in weights.items():
        stem, _, suffix = name.rpartition(".")
        if name == "lm_head.weight":
            continue
        if kind == "llama" and ("q_proj" in name or "k_proj" in name):
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            halves = values.reshape(heads, 2, values.shape[0] // heads // 2, -1)
            values = halves.swapaxes(1, 2).reshape(values.shape)
        stored = embedding if "embed_tokens" in name else matrices if values.ndim == 2 else F32
        _add(writer, f"{names.get_name(stem)}.{suffix}", values, stored)
    if head is not None:
        _add(writer, "output.weight", weights["lm_head.weight"], head)
    for name, values in (more or {}).items():
        _add(writer, name, values, F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: gguf.GGUFWriter, name: str, values: np.ndarray, stored: gguf.GGMLQuantizationType) -> None:
    values = np.ascontiguousarray(values)
    if stored == F32:
        writer.add_tensor(name, values)
    else:
        writer.add_tensor(name, gguf.quantize(values, stored), raw_dtype=stored)


if __name__ == "__main__":
    write_gguf(Path(sys.argv[1]), tiny_model())
