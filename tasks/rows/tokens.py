"""A row as token ids: the prompt by the chat template, the target as the model itself would write it.

In:  "What is 2+3?", "2+3=5 …"
Out: prompt  <bos><|user|>You are an expert … Problem: What is 2+3?<|end|><|assistant|>      (labels -100)
     target  2+3=5 …<|end|>                                                                  (labels = ids)

The target is tokenised by itself, after the generation prompt, and closed by the end-of-turn token: what pi_0(.|x)
is asked to produce, token by token. Templates that trim or pad an assistant's message do not come into it.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

_MARK = "\u2191reply\u2191"  # stands for the reply in a rendered conversation


class TemplateError(ValueError):
    """The tokenizer's chat template cannot be used as it is."""


def tokenizer_of(folder: Path) -> Any:
    """transformers' tokenizer, by tokenizer.json as it is: classes that AutoTokenizer takes for some models build parts
    of it anew, otherwise in one release than in the next, and each environment has its own release."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    kind = PreTrainedTokenizerFast if (folder / "tokenizer.json").exists() else AutoTokenizer
    return kind.from_pretrained(str(folder))


class ChatTokens:
    """The token ids of prompts and targets under one model's tokenizer and chat template."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokenizer: Any = tokenizer_of(folder)
        if self.tokenizer.chat_template is None:
            raise TemplateError(f"{folder}: the tokenizer has no chat template; add chat_template.jinja")

    def prompt(self, content: str) -> list[int]:
        """Ids of one user turn and the generation prompt; a BOS at most once, at the start."""
        return self.encode(self.render(content))

    def render(self, content: str) -> str:
        """The text of one user turn and the generation prompt."""
        rendered: str = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        return rendered

    def encode(self, rendered: str) -> list[int]:
        """Ids of a rendered conversation."""
        ids: list[int] = self.tokenizer(rendered, add_special_tokens=False)["input_ids"]
        bos = self.tokenizer.bos_token_id
        if bos is not None and ids[:1] != [bos] and bos in self.tokenizer("")["input_ids"]:
            ids = [bos, *ids]  # the template leaves the BOS to the tokenizer's post-processor
        return ids

    def target(self, text: str, finished: bool = True) -> list[int]:
        """Ids of a reply, with the end-of-turn token when it is finished."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return [*ids, self.end_of_turn] if finished else ids

    def special_in(self, text: str) -> str | None:
        """A special token spelled out in `text`, which would be read as one: it could end a turn or begin another."""
        return next((token for token in self._special if token in text), None)

    @cached_property
    def _special(self) -> list[str]:
        return [added.content for added in self.tokenizer.added_tokens_decoder.values() if added.special]

    @cached_property
    def end_of_turn(self) -> int:
        """The token that ends the assistant's turn in the chat template and at which generation stops.

        Raises:
            TemplateError: the template ends a turn with no such token.
        """
        rendered = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": "x"}, {"role": "assistant", "content": _MARK}], tokenize=False
        )
        ending = rendered.rpartition(_MARK)[2]
        stops = self.stop_ids
        for token in self.tokenizer(ending, add_special_tokens=False)["input_ids"]:
            if token in stops:
                return int(token)
        raise TemplateError(
            f"{self.folder}: the chat template ends a turn with {ending!r}, which holds none of the tokens at which "
            f"generation stops {sorted(stops)}: set eos_token_id in generation_config.json"
        )

    @cached_property
    def stop_ids(self) -> set[int]:
        """Tokens at which generation stops: generation_config.json's and the tokenizer's EOS."""
        stops = {self.tokenizer.eos_token_id} - {None}
        generation = self.folder / "generation_config.json"
        if generation.exists():
            named = json.loads(generation.read_text(encoding="utf-8")).get("eos_token_id")
            stops |= set(named if isinstance(named, list) else [named]) - {None}
        return stops
