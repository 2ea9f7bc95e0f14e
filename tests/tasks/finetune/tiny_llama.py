"""A Llama of 60,000 random parameters with a real tokenizer, chat template and BOS post-processor, made in a second."""

from pathlib import Path

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
TEXT = [
    "Tom has 12 apples and buys 7 more. 12 + 7 = 19. $\\boxed{19}$",
    "What is the opposite of hot? cold. The answer",
]


def make(folder: Path, context: int = 1024, seed: int = 0, pad: str | None = "<pad>") -> Path:
    """Write the model to `folder`; `pad` None: a tokenizer without a padding token, as Llama-3.2's."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from tasks.rows.prompts import GENERAL_PREFIX, MATH_PREFIX, REWRITING_PREFIX

    special = ["<bos>", "<|end|>", "<pad>", "<|system|>", "<|user|>", "<|assistant|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*TEXT, MATH_PREFIX, REWRITING_PREFIX, GENERAL_PREFIX], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", tokenizer.token_to_id("<bos>"))]
    )
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<|end|>", pad_token=pad)
    wrapped.chat_template = CHAT_TEMPLATE
    wrapped.save_pretrained(str(folder))
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(wrapped),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=context,
        bos_token_id=wrapped.bos_token_id,
        eos_token_id=wrapped.eos_token_id,
        pad_token_id=wrapped.pad_token_id,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config).float()
    model.generation_config.eos_token_id = [wrapped.eos_token_id]
    model.save_pretrained(str(folder))
    return folder


if __name__ == "__main__":
    import sys

    make(Path(sys.argv[1]))
