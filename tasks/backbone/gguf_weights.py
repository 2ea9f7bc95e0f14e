"""The weights of a GGUF file as an ordinary folder's: dequantised, tied where the model is, checked tensor by tensor.

In:  token_embd.weight Q5_0, output.weight Q8_0, blk.0.attn_q.weight Q5_0, …   (Qwen2.5-0.5B: two prints of one matrix)
Out: model.safetensors in bfloat16: model.embed_tokens.weight, model.layers.0.self_attn.q_proj.weight, …; config.json

transformers 5.19 reads the file. What it read is compared with what the gguf library itself dequantises.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import MODEL_ARCH_NAMES, GGUFReader, dequantize, get_tensor_name_map
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM

from tasks.backbone.refusal import Refused

# Architectures whose tensors are laid out as transformers has them, but for the rows of "llama"'s queries and keys.
ARCHITECTURES = ("llama", "qwen2", "qwen3")
EMBEDDING, HEAD = "token_embd.weight", "output.weight"
# Two prints of one matrix differ by their rounding (0.044 of its norm in Qwen2.5-Coder-0.5B: 5 and 8 bits), two
# matrices that were trained apart by about 1.4.
SAME_MATRIX = 0.5
MOST_KL = 0.01  # nats a token between the model as loaded and its folder; seen: 0.0001


def read_config(gguf: Path, fields: dict[str, Any]) -> Any:
    """The transformers config of the file, whose metadata are `fields`.

    Raises:
        Refused: the architecture is not one whose layout is known here, or its positions are scaled.
    """
    architecture = fields["general.architecture"]
    if architecture not in ARCHITECTURES:
        raise Refused(
            f"architecture {architecture!r} is not converted here (known: {', '.join(ARCHITECTURES)}); take the model "
            "from the hub, or from a transformers folder"
        )
    if (scaling := fields.get(f"{architecture}.rope.scaling.type", "none")) != "none":
        raise Refused(
            f"its rotary positions are scaled ({scaling}), which transformers does not read from a GGUF file; take the "
            "model from the hub, or from a transformers folder"
        )
    config = AutoConfig.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    for name, value in config.to_dict().items():
        if isinstance(value, float):  # 9.999999974752427e-07 is the float32 of 1e-06
            setattr(config, name, float(str(np.float32(value))))
    vars(config).pop("_model_name_or_path", None)  # general.name, whatever was written there
    return config


def load(gguf: Path, config: Any) -> Any:
    """The model in float32, as transformers reads the file."""
    model = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent), gguf_file=gguf.name, config=config, dtype=torch.float32
    ).eval()
    # Its marks of quantisation, with which transformers 5.19 refuses to save; the weights are whole by now.
    model.hf_quantizer = None
    model.is_quantized = False
    for owner in (model, model.config):
        if hasattr(owner, "quantization_config"):
            del owner.quantization_config
    return model


def reload(folder: Path) -> Any:
    """The model of a folder, in float32."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True).eval()


def tie(model: Any, reader: GGUFReader) -> bool:
    """Tie the head to the embedding where both are prints of one matrix; the finer print of the two is kept."""
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    if HEAD not in tensors:
        return False
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    with torch.no_grad():
        if (head - embedding).norm() / head.norm() > SAME_MATRIX:
            return False
        if tensors[HEAD].n_bytes > tensors[EMBEDDING].n_bytes:
            embedding.copy_(head)
    model.config.tie_word_embeddings = True
    model.tie_weights()
    return True


def save(model: Any, out: Path) -> None:
    """Write config and weights in bfloat16, the precision in which such models were trained and published."""
    model.to(torch.bfloat16).save_pretrained(out)
    for file in out.glob("*.safetensors"):
        file.chmod(0o644)  # safetensors 0.8 writes them for the owner alone


def compare(reader: GGUFReader, fields: dict[str, Any], out: Path, config: Any) -> int:
    """Compare every saved tensor with gguf's own dequantisation, bit by bit in bfloat16; returns their number.

    Raises:
        Refused: a tensor differs, is missing, or is left over.
    """
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    name = fields["general.architecture"]
    architecture = next(key for key, value in MODEL_ARCH_NAMES.items() if value == name)
    names = get_tensor_name_map(architecture, config.num_hidden_layers)
    tied, compared, seen = config.tie_word_embeddings, 0, set()
    for file in sorted(out.glob("*.safetensors")):
        with safe_open(file, "pt") as saved:
            for key in saved.keys():  # noqa: SIM118  (no dict)
                stem, _, kind = key.rpartition(".")
                source = f"{names.get_name(stem)}.{kind}"
                if tied and source == EMBEDDING and HEAD in tensors:
                    seen |= {EMBEDDING, HEAD}
                    source = max(EMBEDDING, HEAD, key=lambda one: tensors[one].n_bytes)
                if source not in tensors:
                    raise Refused(f"{key} was saved, but the file has no tensor {source}: the conversion is wrong")
                values = dequantize(tensors[source].data, tensors[source].tensor_type)
                values = as_transformers(name, source, values, config)
                if not torch.equal(torch.from_numpy(values.copy()).to(torch.bfloat16), saved.get_tensor(key)):
                    raise Refused(
                        f"{key} as saved differs from what the gguf library dequantises of {source}: transformers and "
                        "gguf read the file differently; report it, and take the model from the hub"
                    )
                seen.add(source)
                compared += 1
    if left := set(tensors) - seen:
        # rope_freqs.weight, say: Llama 3's scaling of positions, which would be lost without a word.
        raise Refused(
            f"{len(left)} tensors of the file have no place in the model, {min(left)} among them; take the model from "
            "the hub, or from a transformers folder"
        )
    return compared


def as_transformers(architecture: str, name: str, values: np.ndarray, config: Any) -> np.ndarray:
    """A tensor in transformers' layout: llama.cpp interleaves the two halves of each head's rotation in "llama"."""
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(name.split(".")[-2])
    if architecture != "llama" or heads is None:
        return values
    rows = values.shape[0] // heads // 2
    paired = values.reshape(heads, rows, 2, *values.shape[1:])
    return paired.swapaxes(1, 2).reshape(values.shape)
