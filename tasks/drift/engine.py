"""The engine of the thermometers: pi_0 and a model read the same texts, prefill only.

In:  a spec (tasks/drift/spec.py), texts of tasks/drift/texts.py
Out: texts.jsonl    {"id", "thermometer", "tokens", "nll_base", "nll", "kl", "kl_reverse", "agreement"}
                    {"id", "thermometer", "correct_base", "correct"}      of a multiple-choice question; where the
                     config keeps letters {…, "letters_base": [-0.4, …], "letters": […], "right": 2}, nats
     skipped.jsonl  {"id", "thermometer", "reason"}
     scratch/blocks, from which a killed attempt goes on; scratch/metrics.json
"""

import shutil
from dataclasses import dataclass
from typing import Any

import torch

from tasks.drift.config import DriftConfig
from tasks.drift.divergence import Divergence, divergence, joined
from tasks.drift.spec import DriftSpec
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens
from tasks.runtime.progress import report
from tasks.runtime.spec import read_spec, write_metrics
from tasks.score.load import context_of, load_backbone
from tasks.score.nll import TOKENS_PER_BATCH
from tasks.score.shared_prefix import check_logits

BLOCK = 64  # texts that are written at once
POSITIONS = 256  # whose logits of both models are in memory at once
BOX = "$\\boxed{"  # what stands before an option's letter in the answers of E.4


@dataclass(frozen=True)
class Text:
    """Token ids of a text and what of it is read: the tokens from `start` on, or the next token among `options`."""

    row: Row
    ids: list[int]
    start: int
    options: list[int]


def main() -> None:
    spec = read_spec(DriftSpec)
    config = spec.config
    chat = ChatTokens(spec.backbone)
    models = [load_backbone(folder, config.dtype, spec.cuda) for folder in (spec.backbone, spec.model)]
    for model in models:
        check_logits(model)
    context = min(context_of(models[0].config) or config.max_tokens, config.max_tokens)
    texts, skipped = tokenise(list(read_rows(spec.texts)), chat, context)
    write_rows(spec.out / "skipped.jsonl", skipped)
    texts.sort(key=lambda text: len(text.ids))
    folder = spec.out / "scratch" / "blocks"
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, start in enumerate(range(0, len(texts), BLOCK)):
        block, file = texts[start : start + BLOCK], folder / f"{number:06d}.jsonl"
        if not file.exists():
            write_rows(file, compare(models, block, config))
        files.append(file)
        report(start + len(block), len(texts), "texts")
    found = sorted((row for file in files for row in read_rows(file)), key=lambda row: (row["thermometer"], row["id"]))
    write_rows(spec.out / "texts.jsonl", found)
    write_metrics(
        spec.out,
        {"texts": len(found), "skipped": len(skipped), "dtype": resolve(config.dtype, spec.backbone, spec.cuda)},
    )
    shutil.rmtree(folder)


def tokenise(rows: list[Row], chat: ChatTokens, context: int) -> tuple[list[Text], list[Row]]:
    """Texts that fit, and those that do not or cannot be asked, with the reason."""
    texts: list[Text] = []
    skipped: list[Row] = []
    for row in rows:
        text, reason = _tokenised(row, chat)
        if text is not None and len(text.ids) > context:
            reason = f"{len(text.ids)} tokens, {context} allowed"
        if reason is None and text is not None:
            texts.append(text)
        else:
            skipped.append({"id": row["id"], "thermometer": row["thermometer"], "reason": reason})
    return texts, skipped


def _tokenised(row: Row, chat: ChatTokens) -> tuple[Text | None, str | None]:
    content = row["text"] if row["prompt"] is None else row["prompt"]
    if (special := chat.special_in(content)) is not None:
        return None, f"holds the special token {special}"
    if row["prompt"] is None:
        ids = chat.tokenizer(row["text"])[
            "input_ids"
        ]  # as a language model reads it: no chat, the BOS where it has one
        return (Text(row, ids, 1, []), None) if len(ids) > 1 else (None, "is shorter than two tokens")
    prompt = chat.prompt(row["prompt"])
    if "options" not in row:
        return Text(row, prompt + chat.target(row["text"], row["finished"]), len(prompt), []), None
    before = chat.tokenizer(BOX, add_special_tokens=False)["input_ids"]
    options = []
    for letter in row["options"]:
        # The letter's own token after the box: tokenisers may write letters in several ways.
        whole = chat.tokenizer(BOX + letter, add_special_tokens=False)["input_ids"]
        if whole[: len(before)] != before or len(whole) != len(before) + 1:
            return None, f"{BOX}{letter} is no token of its own after {BOX}"
        options.append(whole[-1])
    return Text(row, prompt + before, len(prompt + before), options), None


@torch.inference_mode()
def compare(models: list[Any], texts: list[Text], config: DriftConfig) -> list[Row]:
    """A row a text, in the order given."""
    budget = config.tokens_per_batch or TOKENS_PER_BATCH["cuda" if models[0].device.type == "cuda" else "cpu"]
    found: dict[tuple[str, str], Row] = {}
    at = 0
    while at < len(texts):
        count = 1
        while at + count < len(texts) and (count + 1) * len(texts[at + count].ids) <= budget:
            count += 1
        batch = texts[at : at + count]
        states = [_hidden(model, batch) for model in models]
        for place, text in enumerate(batch):
            found[text.row["thermometer"], text.row["id"]] = _read(models, [one[place] for one in states], text, config)
        at += count
    return [found[text.row["thermometer"], text.row["id"]] for text in texts]


def _hidden(model: Any, batch: list[Text]) -> torch.Tensor:
    """Last hidden states (texts, length, hidden), padded on the right."""
    length = -(-max(len(text.ids) for text in batch) // 8) * 8
    ids = torch.tensor([text.ids + [0] * (length - len(text.ids)) for text in batch], device=model.device)
    mask = torch.tensor([[1] * len(text.ids) + [0] * (length - len(text.ids)) for text in batch], device=model.device)
    return model.get_decoder()(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state


def _read(models: list[Any], states: list[torch.Tensor], text: Text, config: DriftConfig) -> Row:
    row = {"id": text.row["id"], "thermometer": text.row["thermometer"]}
    heads = [model.get_output_embeddings() for model in models]
    if text.options:
        options = torch.tensor(text.options, device=states[0].device)
        logits = [head(state[len(text.ids) - 1]).float() for head, state in zip(heads, states, strict=True)]
        right = text.row["options"].index(text.row["answer"])
        correct = [int(one[options].argmax()) == right for one in logits]
        row |= {"tokens": len(text.ids), "correct_base": correct[0], "correct": correct[1]}
        if config.letters:
            base, other = ([round(x, 5) for x in one.log_softmax(-1)[options].tolist()] for one in logits)
            row |= {"letters_base": base, "letters": other, "right": right}
        return row
    tokens = torch.tensor(text.ids[text.start :], device=states[0].device)
    parts: list[Divergence] = []
    for first in range(0, len(tokens), POSITIONS):
        # The state before a token predicts it.
        places = slice(text.start - 1 + first, text.start - 1 + min(first + POSITIONS, len(tokens)))
        base, other = (head(state[places]) for head, state in zip(heads, states, strict=True))
        parts.append(divergence(base, other, tokens[first : first + POSITIONS]))
    means = {name: round(value, 7) for name, value in joined(parts).mean().items()}
    return row | {"tokens": len(tokens)} | means


if __name__ == "__main__":
    main()
