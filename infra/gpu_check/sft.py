"""Full-parameter SFT steps: rows padded as they come, sorted by length, and packed; loss, tokens a second, memory.

Rows are random tokens with lengths as long solutions have them (log-normal, median 400 tokens, sigma 0.6). In a packed
row attention does not cross from one solution into the next (transformers reads that from the position ids).
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from infra.gpu_check.checks import Figures, Setup, peak_gib, require, timed
from tasks.finetune.memory import sft_bytes
from tasks.rows.memory import shape_of
from tasks.rows.precision import Precision

ROWS_OF_A_PASS = 4
MOST_DIFFERENCE = {"float32": 1e-4, "bfloat16": 2e-2}  # of the mean loss, nats a token
MOST_OVER_RECKONED = 1.25


def check(setup: Setup) -> Figures:
    """Raises CheckFailed where packing changes the loss, or a pass takes more memory than was reckoned."""
    import torch
    from transformers import AutoModelForCausalLM

    precision: Precision = "bfloat16" if setup.cuda else "float32"
    attention = "flash_attention_2" if setup.cuda and find_spec("flash_attn") else "sdpa"
    model: Any = AutoModelForCausalLM.from_pretrained(
        setup.model, dtype=torch.float32, use_safetensors=True, attn_implementation=attention
    )
    model = model.to(setup.device).train()
    if setup.cuda:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=setup.cuda)
    rows = random_rows(64 if setup.cuda else 8, 400 if setup.cuda else 40, model.config.vocab_size)
    capacity = max(max(map(len, rows)), ROWS_OF_A_PASS * (400 if setup.cuda else 40))
    arrangements = {
        "padded": [padded(batch) for batch in batches(rows)],
        "grouped": [padded(batch) for batch in batches(sorted(rows, key=len))],
        "packed": [packed(batch) for batch in fill(rows, capacity)],
    }

    def loss_of(passed: dict[str, Any]) -> Any:
        labels_BT = passed["labels"].to(setup.device)
        inputs = {name: tensor.to(setup.device) for name, tensor in passed.items() if name != "labels"}
        with torch.autocast(setup.device, torch.bfloat16, enabled=precision == "bfloat16"):
            logits_BTV = model(**inputs, use_cache=False).logits[:, :-1]
        flat_NV, flat_N = logits_BTV.float().flatten(0, 1), labels_BT[:, 1:].flatten()
        return torch.nn.functional.cross_entropy(flat_NV, flat_N, ignore_index=-100, reduction="sum")

    with torch.no_grad():
        losses = {
            name: float(sum(loss_of(one) for one in passes)) / targets(passes) for name, passes in arrangements.items()
        }
    figures: Figures = {"rows": len(rows), "attention": attention, "loss": losses["padded"]}
    for name, loss in losses.items():
        difference = abs(loss - losses["padded"])
        require(difference < MOST_DIFFERENCE[precision], f"{name}: the loss differs by {difference:.5f} nats a token")

    def steps(passes: Sequence[dict[str, Any]]) -> None:
        for one in passes:
            loss_of(one).div(targets([one])).backward()
            optimizer.step()
            optimizer.zero_grad()

    tokens = sum(map(len, rows))
    for name, passes in arrangements.items():
        if setup.cuda:
            torch.cuda.reset_peak_memory_stats()
        seconds = timed(setup.device, lambda passes=passes: steps(passes), 1)  # type: ignore[misc]
        held = sum(one["input_ids"].numel() for one in passes)
        figures[name] = {"tokens_per_second": tokens / seconds, "padding": 1 - tokens / held}
        largest = max(one["input_ids"].numel() for one in passes)
        reckoned = sft_bytes(shape_of(setup.model), largest, precision) / 2**30
        figures[name] |= {"peak_gib": peak_gib(setup.device), "reckoned_gib": reckoned}
        if (peak := peak_gib(setup.device)) is not None:
            require(peak < MOST_OVER_RECKONED * reckoned, f"{name}: {peak:.1f} GiB, reckoned {reckoned:.1f}")
    return figures


def random_rows(count: int, median: int, vocabulary: int) -> list[list[int]]:
    """Token ids of `count` rows."""
    draw = np.random.default_rng(0)
    lengths = np.clip(np.exp(draw.normal(np.log(median), 0.6, count)), 8, 8 * median).astype(int)
    return [draw.integers(0, vocabulary, length).tolist() for length in lengths]


def batches(rows: Sequence[list[int]]) -> list[Sequence[list[int]]]:
    return [rows[start : start + ROWS_OF_A_PASS] for start in range(0, len(rows), ROWS_OF_A_PASS)]


def fill(rows: Sequence[list[int]], capacity: int) -> list[list[list[int]]]:
    """Rows into packs of at most `capacity` tokens: the longest first, each into the first that has room."""
    packs: list[list[list[int]]] = []
    for row in sorted(rows, key=len, reverse=True):
        fitting = next((pack for pack in packs if sum(map(len, pack)) + len(row) <= capacity), None)
        if fitting is None:
            packs.append([row])
        else:
            fitting.append(row)
    return packs


def padded(rows: Sequence[list[int]]) -> dict[str, Any]:
    """One row each, padded on the right."""
    import torch

    shape = (len(rows), max(map(len, rows)))
    ids_BT, mask_BT = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    labels_BT = torch.full(shape, -100)
    for i, row in enumerate(rows):
        ids_BT[i, : len(row)] = labels_BT[i, : len(row)] = torch.tensor(row)
        mask_BT[i, : len(row)] = 1
    return {"input_ids": ids_BT, "attention_mask": mask_BT, "labels": labels_BT}


def packed(rows: Sequence[list[int]]) -> dict[str, Any]:
    """All in one row; positions start anew, and no row's first token is predicted from the row before it."""
    import torch

    ids_1T = torch.tensor([[token for row in rows for token in row]])
    positions_1T = torch.tensor([[place for row in rows for place in range(len(row))]])
    return {"input_ids": ids_1T, "position_ids": positions_1T, "labels": ids_1T.masked_fill(positions_1T == 0, -100)}


def targets(passes: Sequence[dict[str, Any]]) -> int:
    """Tokens that are predicted in these passes."""
    return sum(int((one["labels"][:, 1:] != -100).sum()) for one in passes)
