"""A tokenizer folder from a GGUF file's metadata: what transformers builds, with what it loses put back.

In:  tokenizer.ggml.model "gpt2", tokenizer.ggml.pre "smollm", tokens, merges, token types, special ids, chat template
Out: tokenizer.json  tokenizer_config.json  chat_template.jinja  generation_config.json {"eos_token_id": [2, 0], …}

`pre` names how text is cut before merges are applied. transformers 5.19 knows some names and cuts as GPT-2 does where
it knows none, without a word: SmolLM2's text is then cut otherwise before every number (446 of 1,000 solutions of
NuminaMath get other ids, most by blank lines before "1."). A name that neither it nor this file knows is refused.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer, normalizers, pre_tokenizers
from transformers import AutoTokenizer, GenerationConfig, TokenizersBackend
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

from tasks.backbone.refusal import Refused

CONTROL = 3  # token_type of a token that is no text
# A control token of such a name ends a turn or the text whatever the metadata name as EOS: llama.cpp's list. Only one
# EOS fits into the metadata, where a model's generation_config.json may have had several (Qwen2.5: two).
ENDS = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "<EOT>",
    "</s>",
}


def _digit_by_digit() -> Any:
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )


PRE_TOKENIZERS: dict[str, Callable[[], Any]] = {
    "gpt-2": lambda: pre_tokenizers.ByteLevel(add_prefix_space=False),
    "smollm": _digit_by_digit,
}
NORMALIZERS = {"qwen2": normalizers.NFC}  # in Qwen2's tokenizer.json; a GGUF has no field for it


class Saved(NamedTuple):
    """A tokenizer that was written, and where generation stops with it."""

    tokenizer: TokenizersBackend
    stop_ids: list[int]

    def save_generation(self, out: Path) -> None:
        """Write generation_config.json."""
        GenerationConfig(
            bos_token_id=self.tokenizer.bos_token_id,
            eos_token_id=self.stop_ids,
            pad_token_id=self.tokenizer.pad_token_id,
        ).save_pretrained(out)


def save_tokenizer(gguf: Path, fields: dict[str, Any], out: Path, chat_template: str | None) -> Saved:
    """Write the tokenizer of `gguf`, whose metadata are `fields`, to `out`; `chat_template` replaces the file's own.

    Raises:
        Refused: its kind of tokenizer is not known here, or there is no chat template.
    """
    kind, pre = fields.get("tokenizer.ggml.model"), fields.get("tokenizer.ggml.pre")
    if kind != "gpt2":
        raise Refused(
            f"its tokenizer is of kind {kind!r}; only byte-level BPE ('gpt2') is rebuilt from a GGUF file. "
            "Take the model from the hub, or from a transformers folder"
        )
    if pre not in PRE_TOKENIZERS and pre not in GGUF_PRE_TOKENIZER_SPLITS:
        known = ", ".join(sorted({*PRE_TOKENIZERS, *GGUF_PRE_TOKENIZER_SPLITS}))
        raise Refused(
            f"tokenizer.ggml.pre is {pre!r}, and how it cuts text is not known: rows would get other token "
            f"ids than the model was trained on. Known: {known}. Take the model from the hub, or add it to "
            "tasks/backbone/gguf_tokenizer.py"
        )
    template = chat_template or fields.get("tokenizer.chat_template")
    if not template:
        raise Refused(
            "has no chat template: it is a base model, or was converted without one. Name a file with the template "
            "that it was tuned on: backbone.chat_template=template.jinja"
        )
    read = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    backend: Tokenizer = read.backend_tokenizer
    if pre in PRE_TOKENIZERS:
        backend.pre_tokenizer = PRE_TOKENIZERS[pre]()
    if pre in NORMALIZERS:
        backend.normalizer = NORMALIZERS[pre]()
    tokenizer = TokenizersBackend(
        tokenizer_object=backend,
        bos_token=read.bos_token,
        eos_token=read.eos_token,
        pad_token=read.pad_token or read.eos_token,
        unk_token=read.unk_token,
        model_max_length=context_length(fields),
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(out)
    saved = Saved(tokenizer, stop_ids(fields))
    saved.save_generation(out)
    return saved


def context_length(fields: dict[str, Any]) -> int:
    """Tokens that the model has positions for."""
    return int(fields[f"{fields['general.architecture']}.context_length"])


def stop_ids(fields: dict[str, Any]) -> list[int]:
    """Tokens at which generation stops, the metadata's EOS first."""
    tokens, types = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    named = [fields.get(f"tokenizer.ggml.{name}_token_id") for name in ("eos", "eot", "eom")]
    by_text = [
        index
        for index, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind == CONTROL and token in ENDS
    ]
    return list(dict.fromkeys(int(one) for one in [*named, *by_text] if one is not None))
