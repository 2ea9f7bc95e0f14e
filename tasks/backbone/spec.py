"""What the backbone stage hands to its engines; both answer with figures, or with {"refused": why}."""

from pathlib import Path

from pydantic import BaseModel


class GgufSpec(BaseModel):
    """`gguf` becomes an ordinary folder, `out`; without `weights` its tokenizer and config alone."""

    gguf: Path
    chat_template: str | None
    weights: bool
    out: Path


class CheckSpec(BaseModel):
    """`folder` holds a model that is to be tried; None and False leave a check out."""

    folder: Path
    max_plain_nll: float | None
    answers_end: bool
    out: Path
    cuda: bool
