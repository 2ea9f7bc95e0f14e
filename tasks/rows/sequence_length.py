"""How long a row is as SFT trains on it: prompt by the chat template, target, end of turn; without transformers.

In:  the tokenizer's folder of a backbone; ["What is 2+3?"], ["2+3=5 …"]
Out: [63]     tokens of <bos><|user|>You are an expert … Problem: What is 2+3?<|end|><|assistant|>2+3=5 …<|end|>

The same number as ChatTokens gives (tasks/rows/tokens.py; a test compares them).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import TemplateError as JinjaError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from tasks.rows.prompts import MATH, question_prompt


class ChatTemplateError(ValueError):
    """A chat template that cannot be rendered."""


class SequenceLengths:
    """Lengths of (question, target) pairs in one backbone's tokens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        self._tokens = {
            name: _text(settings.get(name)) for name in ("bos_token", "eos_token", "pad_token", "unk_token")
        }
        # As transformers 5 sets it up; a template comes with the model, so it runs in jinja's sandbox.
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.globals["raise_exception"] = _raise
        environment.filters["tojson"] = lambda value, **options: json.dumps(value, ensure_ascii=False, **options)
        self._template = environment.from_string((folder / "chat_template.jinja").read_text(encoding="utf-8"))
        bos = self._tokens["bos_token"]
        by_itself = bos in self.tokenizer.encode("").tokens  # the tokenizer's post-processor adds a BOS
        self._added_bos = int(bool(bos) and by_itself and not self._render("").startswith(str(bos)))

    def of(self, questions: Sequence[str], targets: Sequence[str], domains: Sequence[str] = ()) -> list[int]:
        """Tokens of each pair: prompt, target and the end-of-turn token; without `domains` all are mathematics.

        Raises:
            ChatTemplateError: the template cannot be rendered.
        """
        asked = [
            question_prompt(question, domain)
            for question, domain in zip(questions, domains or [MATH] * len(questions), strict=True)
        ]
        return [prompt + target + 1 for prompt, target in zip(self.prompts(asked), self.texts(targets), strict=True)]

    def prompts(self, contents: Sequence[str]) -> list[int]:
        """Tokens of each user turn with the generation prompt. Raises ChatTemplateError."""
        return [length + self._added_bos for length in self.texts([self._render(content) for content in contents])]

    def texts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone."""
        return [len(one.ids) for one in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def _render(self, content: str) -> str:
        messages = [{"role": "user", "content": content}]
        try:
            return self._template.render(messages=messages, add_generation_prompt=True, **self._tokens)
        except JinjaError as error:
            raise ChatTemplateError(f"{self.folder}/chat_template.jinja cannot be rendered: {error}") from None


def _text(token: Any) -> str | None:
    """A special token of tokenizer_config.json: a string, or {"content": …}."""
    return token.get("content") if isinstance(token, dict) else token


def _raise(message: str) -> None:
    raise JinjaError(message)
