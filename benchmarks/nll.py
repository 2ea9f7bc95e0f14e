"""NLL scoring of nano groups (K = 10) against a plain padded loop over transformers, in rows a second.

`.envs/inference/bin/python -m benchmarks.nll` prints one JSON line; the baseline is measured in the same run, by turns.
"""

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._beside import tell

NANO = Path(__file__).resolve().parent.parent / "infra" / "nano"
GROUPS, K, REPEATS, BATCH = 32, 10, 7, 16


def main() -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from infra.gpu_check.scorer import padded_loop
    from tasks.rows.tokens import ChatTokens
    from tasks.score.nll import NLLScorer

    model = AutoModelForCausalLM.from_pretrained(NANO / "model", dtype=torch.float32).eval()
    chat = ChatTokens(NANO / "model")
    flat = targets(model, chat)
    scorer = NLLScorer.from_model(model, chat)

    def ours() -> list[float]:
        return [score.nll for score in scorer.score(flat)]

    def plain() -> list[float]:
        return padded_loop(model, chat, flat, BATCH)

    difference = max(abs(a - b) for a, b in zip(ours(), plain(), strict=True))
    if difference > 1e-5:
        raise SystemExit(f"the two differ by {difference:.2e} nats per token: no comparison")
    rates: dict[Callable[[], list[float]], list[float]] = {ours: [], plain: []}
    for _ in range(REPEATS):
        for run in rates:
            start = time.perf_counter()
            run()
            rates[run].append(len(flat) / (time.perf_counter() - start))
    tell("nll", "rows/s", f"padded loop, batch {BATCH}", rates[ours], rates[plain], max_difference=difference)


def targets(model: Any, chat: Any) -> list[Any]:
    """Groups as GRPO scores them: K rewrites of each expert solution, sampled from the backbone as rewriter."""
    import torch

    from tasks.generation.rollout import Sampling, sample
    from tasks.rows.prompts import rewriting_prompt
    from tasks.score.nll import Target

    torch.manual_seed(0)
    with gzip.open(NANO / "corpora" / "numinamath_cot.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(GROUPS), strict=False)]
    prompts = [chat.prompt(rewriting_prompt(row["problem"], row["solution"])) for row in rows]
    rollouts = sample(model, prompts, K, Sampling(160, 1.0, tuple(chat.stop_ids)))
    texts = [chat.tokenizer.decode(rollout.ids, skip_special_tokens=True) for rollout in rollouts]
    return [
        Target(f"{i // K}#{i % K}", rows[i // K]["problem"], text, rollout.finished)
        for i, (text, rollout) in enumerate(zip(texts, rollouts, strict=True))
    ]


if __name__ == "__main__":
    main()
