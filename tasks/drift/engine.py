"""The engine of the thermometers: a model reads what pi_0 read, prefill only, and its next tokens are compared.

In:  a spec (tasks/drift/spec.py), what pi_0 read (tasks/drift/states.py)
Out: texts.jsonl    {"id", "thermometer", "tokens", "nll_base", "nll", "kl", "kl_reverse", "agreement"}
                    {"id", "thermometer", "correct_base", "correct"}      of a multiple-choice question; where the
                     config keeps letters {…, "letters_base": [-0.4, …], "letters": […], "right": 2}, nats
     scratch/blocks, from which a killed attempt goes on; scratch/metrics.json
"""

import shutil
from typing import Any

import torch

from tasks.drift.config import DriftConfig
from tasks.drift.divergence import Divergence, divergence, joined
from tasks.drift.spec import DriftSpec
from tasks.drift.states import Head, blocks, head_in, states_in, states_of, texts_in
from tasks.drift.tokenise import Text
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.precision import resolve
from tasks.runtime.engines.spec import read_spec, write_metrics
from tasks.runtime.progress.progress import report
from tasks.score.load import load_backbone
from tasks.score.shared_prefix import check_logits

POSITIONS = 256  # whose logits of both models are in memory at once


@torch.inference_mode()
def main() -> None:
    spec = read_spec(DriftSpec)
    model = load_backbone(spec.model, spec.config.dtype, spec.cuda)
    check_logits(model)
    heads = (head_in(spec.base, model.device), model.get_output_embeddings())
    texts = texts_in(spec.base)
    folder = spec.out / "scratch" / "blocks"
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Row] = []
    for number, block in blocks(texts):
        file = folder / f"{number:06d}.jsonl"
        if not file.exists():
            base = states_in(spec.base, number, block, model.device)
            write_rows(file, compare(base, model, heads, block, spec.config))
        found += read_rows(file)
        report(len(found), len(texts), "texts")
    write_rows(spec.out / "texts.jsonl", sorted(found, key=lambda row: (row["thermometer"], row["id"])))
    dtype = resolve(spec.config.dtype, spec.model, spec.cuda)
    write_metrics(spec.out, {"texts": len(found), "dtype": dtype})
    shutil.rmtree(folder)


def compare(
    base: list[torch.Tensor], model: Any, heads: tuple[Head, Head], texts: list[Text], config: DriftConfig
) -> list[Row]:
    """A row a text, in the order given; `base` are pi_0's states, `heads` those of pi_0 and of the model."""
    read = states_of(model, texts, config.tokens_per_batch)
    return [
        {"id": text.id, "thermometer": text.thermometer}
        | (_chosen if text.options else _moved)(text, (before, after), heads, config)
        for text, before, after in zip(texts, base, read, strict=True)
    ]


States = tuple[torch.Tensor, torch.Tensor]  # pi_0's and the model's, of the same places


def _chosen(text: Text, states: States, heads: tuple[Head, Head], config: DriftConfig) -> Row:
    """Whether the likeliest letter is the right one."""
    options = torch.tensor(text.options, device=states[0].device)
    logits = [head(state[0]).float() for head, state in zip(heads, states, strict=True)]
    correct = [int(one[options].argmax()) == text.right for one in logits]
    row: Row = {"tokens": len(text.ids), "correct_base": correct[0], "correct": correct[1]}
    if config.letters:
        base, other = ([round(x, 5) for x in one.log_softmax(-1)[options].tolist()] for one in logits)
        row |= {"letters_base": base, "letters": other, "right": text.right}
    return row


def _moved(text: Text, states: States, heads: tuple[Head, Head], config: DriftConfig) -> Row:
    """How far apart the two models are, on average over the text's tokens."""
    tokens = torch.tensor(text.ids[text.start :], device=states[0].device)
    parts: list[Divergence] = []
    for first in range(0, len(tokens), POSITIONS):
        places = slice(first, first + POSITIONS)
        base, other = (head(state[places]) for head, state in zip(heads, states, strict=True))
        parts.append(divergence(base, other, tokens[places]))
    return {"tokens": len(tokens)} | {name: round(value, 7) for name, value in joined(parts).mean().items()}


if __name__ == "__main__":
    main()
