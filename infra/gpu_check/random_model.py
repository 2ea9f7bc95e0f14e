"""A Llama with random weights and a tokenizer of byte pairs, for machines that have no model and no network.

In:  "135m"
Out: a folder with config, safetensors, tokenizer and chat template that every engine here loads

Times and memory are those of a trained model of that shape; what it writes means nothing.
"""

from itertools import product
from pathlib import Path
from typing import Any

SPECIAL = ("<|end|>", "<|user|>", "<|assistant|>", "<|pad|>")
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# Shapes of SmolLM2-135M and of Llama-3.2-1B, and one for a CPU's test.
SIZES: dict[str, dict[str, int]] = {
    "tiny": {"vocab_size": 2048, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2},
    "135m": {"vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
             "num_attention_heads": 9, "num_key_value_heads": 3},
    "1b": {"vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
           "num_attention_heads": 32, "num_key_value_heads": 8},
}  # fmt: skip


def make(size: str, folder: Path) -> Path:
    """The model of that size in `folder`, made unless it is there."""
    if (folder / "model.safetensors").exists():
        return folder
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    shape = SIZES[size]
    tokenizer = _tokenizer(shape["vocab_size"])
    end, pad = (tokenizer.convert_tokens_to_ids(token) for token in ("<|end|>", "<|pad|>"))
    # Weights of 0.05 give logits that differ by some nats, so that rounding shows in the NLL as in a trained model.
    config = LlamaConfig(
        **shape,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        initializer_range=0.05,
        eos_token_id=end,
        pad_token_id=pad,
        bos_token_id=None,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=pad)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def _tokenizer(vocabulary: int) -> Any:
    """Byte-level BPE: all bytes, then as many pairs and triples of them as fill the vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    wanted = vocabulary - len(alphabet) - len(SPECIAL)
    pairs = ((first, second) for first, second in product(alphabet, alphabet))
    triples = ((first + second, third) for first, second, third in product(alphabet, alphabet, alphabet))
    merges = [merge for merge, _ in zip((*pairs, *_first(triples, wanted)), range(wanted), strict=False)]
    tokens = [*SPECIAL, *alphabet, *("".join(merge) for merge in merges)]
    made = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|end|>",
        pad_token="<|pad|>",
        additional_special_tokens=["<|user|>", "<|assistant|>"],
        chat_template=TEMPLATE,
    )


def _first(items: Any, count: int) -> list[Any]:
    return [item for item, _ in zip(items, range(count), strict=False)]
