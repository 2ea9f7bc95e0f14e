"""The states in which a model reads texts, and what pi_0 read, as files.

In:  a model, texts by length
Out: of each text the last hidden states at its places, of shape (places, hidden)

texts.jsonl             the texts, tasks/drift/tokenise.py, by length; `BLOCK` of them are a block
states/000000.safetensors   "states": pi_0's of the block's texts after each other
head.safetensors        "weight" (and "bias"), which turn a state into logits
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tasks.drift.tokenise import Text
from tasks.rows.jsonl import read_rows
from tasks.score.nll import TOKENS_PER_BATCH

BLOCK = 64  # texts that are written at once

Head = Callable[[torch.Tensor], torch.Tensor]


def states_of(model: Any, texts: list[Text], tokens_per_batch: int | None) -> Iterator[torch.Tensor]:
    """The model's states at each text's places, in the order given."""
    budget = tokens_per_batch or TOKENS_PER_BATCH["cuda" if model.device.type == "cuda" else "cpu"]
    at = 0
    while at < len(texts):
        count = 1
        while at + count < len(texts) and (count + 1) * len(texts[at + count].ids) <= budget:
            count += 1
        batch = texts[at : at + count]
        for text, states in zip(batch, _hidden(model, batch), strict=True):
            yield states[text.places]
        at += count


def _hidden(model: Any, batch: list[Text]) -> torch.Tensor:
    """Last hidden states (texts, length, hidden), padded on the right."""
    length = -(-max(len(text.ids) for text in batch) // 8) * 8
    ids = torch.tensor([text.ids + [0] * (length - len(text.ids)) for text in batch], device=model.device)
    mask = torch.tensor([[1] * len(text.ids) + [0] * (length - len(text.ids)) for text in batch], device=model.device)
    return model.get_decoder()(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state


def blocks(texts: list[Text]) -> Iterator[tuple[int, list[Text]]]:
    """The number of each block, and its texts."""
    for number, start in enumerate(range(0, len(texts), BLOCK)):
        yield number, texts[start : start + BLOCK]


def texts_in(folder: Path) -> list[Text]:
    """The texts that pi_0 read."""
    return [Text(**row) for row in read_rows(folder / "texts.jsonl")]


def file_of(folder: Path, number: int) -> Path:
    """Where a block's states are."""
    return folder / "states" / f"{number:06d}.safetensors"


def save(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Write them, whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    save_file({name: one.contiguous() for name, one in tensors.items()}, temporary, metadata={"format": "pt"})
    temporary.replace(path)


def states_in(folder: Path, number: int, texts: list[Text], device: Any) -> list[torch.Tensor]:
    """pi_0's states of a block's texts."""
    states = load_file(file_of(folder, number))["states"].to(device)
    return list(states.split([text.read for text in texts]))


def head_in(folder: Path, device: Any) -> Head:
    """pi_0's head."""
    tensors = {name: one.to(device) for name, one in load_file(folder / "head.safetensors").items()}
    return partial(torch.nn.functional.linear, **tensors)
