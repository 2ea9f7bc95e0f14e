"""Full-parameter SFT steps: rows padded as they come, sorted by length, and packed as SFT packs them; loss, tokens a
second, memory.

Rows are random tokens with lengths as long solutions have them (log-normal, median 400 tokens, sigma 0.6). The packed
passes are those of tasks/finetune: its packs, its sequences, its loss without whole logits; the padded ones are plain.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from infra.gpu_check.checks import Figures, Setup, peak_gib, require, timed
from tasks.finetune.dataset import IGNORE
from tasks.finetune.memory import sft_bytes
from tasks.rows.memory import CHUNK, shape_of
from tasks.rows.packs import fewest
from tasks.rows.precision import Precision

ROWS_OF_A_PASS = 4
MOST_DIFFERENCE = {"float32": 1e-4, "bfloat16": 2e-2}  # of the mean loss, nats a token
MOST_OVER_RECKONED = 1.25

Pass = dict[str, Any]
Loss = Callable[[Any, Pass], Any]  # summed over the targets of a pass


def check(setup: Setup) -> Figures:
    """Raises CheckFailed where packing changes the loss, or a pass takes more memory than was reckoned."""
    import torch
    from transformers import AutoModelForCausalLM

    from tasks.finetune.sequences import collate
    from tasks.score.rows_attention import ROWS_ATTENTION, flash_attention, use_rows_attention

    precision: Precision = "bfloat16" if setup.cuda else "float32"
    model: Any = AutoModelForCausalLM.from_pretrained(setup.model, dtype=torch.float32, use_safetensors=True)
    model = model.to(setup.device).train()
    if setup.cuda:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=setup.cuda)
    rows = random_rows(64 if setup.cuda else 8, 400 if setup.cuda else 40, model.config.vocab_size)
    capacity = ROWS_OF_A_PASS * (400 if setup.cuda else 40)
    packs = [[rows[i] for i in pack] for pack in fewest([len(row) for row in rows], capacity)]
    within_rows = "flash_attention_2" if flash_attention(setup.cuda) else ROWS_ATTENTION
    arrangements: dict[str, tuple[str, Loss, list[Pass]]] = {
        "padded": ("sdpa", whole_logits, [padded(batch) for batch in batches(rows)]),
        "grouped": ("sdpa", whole_logits, [padded(batch) for batch in batches(sorted(rows, key=len))]),
        "packed": (within_rows, as_sft, [collate([as_row(row) for row in pack]) for pack in packs]),
    }
    figures: Figures = {"rows": len(rows), "attention": within_rows}
    tokens = sum(map(len, rows))

    def summed(loss: Loss, one: Pass) -> Any:
        there = {name: tensor.to(setup.device) if hasattr(tensor, "to") else tensor for name, tensor in one.items()}
        with torch.autocast(setup.device, torch.bfloat16, enabled=precision == "bfloat16"):
            return loss(model, there)

    def attend(attention: str) -> None:
        if attention == ROWS_ATTENTION:
            use_rows_attention(model)
        else:
            model.set_attn_implementation(attention)

    losses = {}
    for name, (attention, loss, passes) in arrangements.items():
        attend(attention)
        with torch.no_grad():
            losses[name] = float(sum(summed(loss, one) for one in passes)) / targets(passes)
        difference = abs(losses[name] - losses["padded"])
        require(difference < MOST_DIFFERENCE[precision], f"{name}: the loss differs by {difference:.5f} nats a token")
    figures["loss"] = losses["padded"]

    def steps(loss: Loss, passes: Sequence[Pass]) -> None:
        for one in passes:
            summed(loss, one).div(targets([one])).backward()
            optimizer.step()
            optimizer.zero_grad()

    for name, (attention, loss, passes) in arrangements.items():
        attend(attention)
        if setup.cuda:
            torch.cuda.reset_peak_memory_stats()
        seconds = timed(setup.device, lambda loss=loss, passes=passes: steps(loss, passes), 1)  # type: ignore[misc]
        largest = max(one["input_ids"].numel() for one in passes)
        held = sum(one["input_ids"].numel() for one in passes)
        logits = CHUNK if loss is as_sft else None
        reckoned = sft_bytes(shape_of(setup.model), largest, precision, logits=logits) / 2**30
        peak = peak_gib(setup.device)
        figures[name] = {"tokens_per_second": tokens / seconds, "padding": 1 - tokens / held}
        figures[name] |= {"peak_gib": peak, "reckoned_gib": reckoned}
        if peak is not None:
            require(peak < MOST_OVER_RECKONED * reckoned, f"{name}: {peak:.1f} GiB, reckoned {reckoned:.1f}")
    return figures


def whole_logits(model: Any, one: Pass) -> Any:
    """The plain way: all logits, in float32."""
    from torch.nn.functional import cross_entropy

    logits_BTV = model(input_ids=one["input_ids"], attention_mask=one["attention_mask"], use_cache=False).logits
    flat_NV, flat_N = logits_BTV[:, :-1].float().flatten(0, 1), one["labels"][:, 1:].flatten()
    return cross_entropy(flat_NV, flat_N, ignore_index=IGNORE, reduction="sum")


def as_sft(model: Any, one: Pass) -> Any:
    """As tasks/finetune/trainer.py takes it: the decoder's states, then the loss by chunks."""
    from tasks.finetune.token_losses import nll, summed_loss

    inputs = {name: one[name] for name in ("input_ids", "position_ids", "row_ends")}
    hidden_BTH = model.get_decoder()(**inputs, use_cache=False).last_hidden_state
    return summed_loss(model.get_output_embeddings(), hidden_BTH, one["labels"], nll)


def random_rows(count: int, median: int, vocabulary: int) -> list[list[int]]:
    """Token ids of `count` rows."""
    draw = np.random.default_rng(0)
    lengths = np.clip(np.exp(draw.normal(np.log(median), 0.6, count)), 8, 8 * median).astype(int)
    return [draw.integers(0, vocabulary, length).tolist() for length in lengths]


def batches(rows: Sequence[list[int]]) -> list[Sequence[list[int]]]:
    return [rows[start : start + ROWS_OF_A_PASS] for start in range(0, len(rows), ROWS_OF_A_PASS)]


def as_row(row: list[int]) -> dict[str, list[int]]:
    """As SFT has it: its first token is the prompt's, which nothing predicts."""
    return {"input_ids": row, "labels": [IGNORE, *row[1:]]}


def padded(rows: Sequence[list[int]]) -> Pass:
    """One row each, padded on the right."""
    import torch

    shape = (len(rows), max(map(len, rows)))
    ids_BT, mask_BT = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    labels_BT = torch.full(shape, IGNORE)
    for i, row in enumerate(rows):
        ids_BT[i, : len(row)] = labels_BT[i, : len(row)] = torch.tensor(row)
        mask_BT[i, : len(row)] = 1
    return {"input_ids": ids_BT, "attention_mask": mask_BT, "labels": labels_BT}


def targets(passes: Sequence[Pass]) -> int:
    """Tokens that are predicted in these passes."""
    return sum(int((one["labels"][:, 1:] != IGNORE).sum()) for one in passes)
