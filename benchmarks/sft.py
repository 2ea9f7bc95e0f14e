"""SFT of nano: rows packed against random batches of four padded ones; and what the loss holds in memory.

`.envs/sft/bin/python -m benchmarks.sft` prints three JSON lines: tokens of rows a second (forward and backward on one
thread, by turns in one run; the value is packed, the baseline padded), the share of padding, the peak memory of the
loss. The lengths are those of real NuminaMath rows where REWRITING_AGENT_DATA is set, a third of their characters; else
log-normal ones with a median of 274 tokens.
"""

import gzip
import json
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks._beside import tell

NANO = Path(__file__).resolve().parent.parent / "infra" / "nano"
ROWS, REPEATS, BATCH, TOKENS = 32, 7, 4, 2048  # of the timed passes, on a CPU
STEP, PROCESSES, GPU_TOKENS = 128, 4, 16_384  # E.1's step, and a pass that a GPU of 80 GB bears
LOSS = (4096, 576, 49_152)  # tokens, hidden, vocabulary: a pass of SmolLM2-135M


def main() -> None:
    lengths = row_lengths()
    speed(lengths)
    padding(lengths)
    memory()


def row_lengths() -> list[int]:
    """Tokens of rows, prompt and target."""
    draw = random.Random(0)
    if not (data := os.environ.get("REWRITING_AGENT_DATA")):
        return [max(16, round(draw.lognormvariate(5.61, 0.55))) for _ in range(10_000)]
    with gzip.open(Path(data) / "corpora" / "numinamath_cot_subset.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    draw.shuffle(rows)
    return [max(16, (len(row["problem"]) + len(row["solution"])) // 3 + 60) for row in rows]


def speed(lengths: Sequence[int]) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from tasks.finetune.sequences import collate
    from tasks.finetune.token_losses import nll, summed_loss
    from tasks.rows.packs import fewest
    from tasks.score.rows_attention import use_rows_attention

    torch.set_num_threads(1)  # as the stage computes on a CPU
    plain: Any = AutoModelForCausalLM.from_pretrained(NANO / "model", dtype=torch.float32).train()
    packing: Any = AutoModelForCausalLM.from_pretrained(NANO / "model", dtype=torch.float32).train()
    use_rows_attention(packing)
    draw = random.Random(1)
    rows = []
    for length in lengths[:ROWS]:
        ids = [draw.randrange(plain.config.vocab_size) for _ in range(length)]
        rows.append({"input_ids": ids, "labels": [-100] * (length // 4) + ids[length // 4 :]})
    count = sum(label != -100 for row in rows for label in row["labels"])
    fours = [padded(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)]
    packs = [collate([rows[one] for one in pack]) for pack in fewest(lengths[:ROWS], TOKENS)]

    def run_padded() -> float:
        total = 0.0
        for batch in fours:
            loss = plain(**batch, num_items_in_batch=torch.tensor(count)).loss
            loss.backward()
            total += loss.item()
        plain.zero_grad()
        return total

    def run_packed() -> float:
        total = 0.0
        for batch in packs:
            inputs = {name: value for name, value in batch.items() if name != "labels"}
            hidden = packing.get_decoder()(**inputs, use_cache=False).last_hidden_state
            loss = summed_loss(packing.get_output_embeddings(), hidden, batch["labels"], nll) / count
            loss.backward()
            total += loss.item()
        packing.zero_grad()
        return total

    difference = abs(run_padded() - run_packed())
    if difference > 1e-4:
        raise SystemExit(f"the losses differ by {difference:.2e} nats a token: no comparison")
    tokens, rates = sum(lengths[:ROWS]), dict[Callable[[], float], list[float]]()
    for _ in range(REPEATS):
        for run in (run_packed, run_padded):
            start = time.perf_counter()
            run()
            rates.setdefault(run, []).append(tokens / (time.perf_counter() - start))
    baseline = f"padded, batches of {BATCH}"
    tell("sft", "tokens/s", baseline, rates[run_packed], rates[run_padded], max_difference=difference)


def padded(rows: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
    """One row each, padded on the right."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)
    fill = {"input_ids": 0, "labels": -100}
    batch = {
        name: torch.tensor([row[name] + [value] * (longest - len(row[name])) for row in rows])
        for name, value in fill.items()
    }
    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows])
    return batch | {"attention_mask": mask}


def padding(lengths: Sequence[int]) -> None:
    """Of random fours as E.1 batches them, and of the passes that four GPUs get of a step's rows."""
    from tasks.finetune.passes import Plan
    from tasks.finetune.sequences import BUCKET

    fours = [lengths[start : start + BATCH] for start in range(0, len(lengths), BATCH)]
    before = 1 - sum(lengths) / sum(len(four) * max(four) for four in fours)
    plan = Plan(lengths, STEP, GPU_TOKENS, PROCESSES, seed=42)
    accumulation = plan.accumulation(2)
    held = sum(
        max(1, ceil(sum(lengths[row] for row in one) / BUCKET)) * BUCKET
        for passes in plan.passes(0, accumulation)
        for one in passes
    )
    more = {"rows": len(lengths), "passes_of_a_process": accumulation}
    share = 1 - sum(lengths) / held
    tell("sft_padding", "share", f"random batches of {BATCH}", [share], [before], better="lower", **more)


def memory() -> None:
    """Peak over what the states and the head take, each way in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        chunks, whole = (pool.apply(_peak, (chunked,)) for chunked in (True, False))
    tokens, _, vocabulary = LOSS
    more = {"tokens": tokens, "vocabulary": vocabulary}
    tell("sft_loss_memory", "MiB", "whole logits", [chunks], [whole], better="lower", **more)


def _peak(chunked: bool) -> float:
    import torch

    from tasks.finetune.token_losses import nll, summed_loss

    tokens, hidden, vocabulary = LOSS
    head = torch.nn.Linear(hidden, vocabulary, bias=False)
    states = torch.randn(1, tokens, hidden, requires_grad=True)
    labels = torch.randint(0, vocabulary, (1, tokens))
    before = _high_water()
    loss = summed_loss(head, states, labels, nll) if chunked else nll(head(states)[0, :-1].float(), labels[0, 1:]).sum()
    loss.backward()
    return _high_water() - before


def _high_water() -> float:
    """Most memory that this process has held so far, MiB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
