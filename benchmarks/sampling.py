"""Rows through vLLM in one queue against blocks that wait for their longest row, in tokens a second; bfloat16, nano.

`.envs/inference/bin/python -m benchmarks.sampling` prints one JSON line. Lengths are given, so that both write the same
tokens: 40 on average (geometric, as texts end), and one row in a hundred runs to the limit of 400.
"""

import json
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NANO = Path(__file__).resolve().parent.parent / "infra" / "nano"
ROWS, BLOCK, SEQUENCES, LIMIT, REPEATS = 576, 288, 32, 400, 3


def main() -> None:
    from tasks.generation.variables import engine_variables

    os.environ.update(engine_variables(cuda=False))
    from tasks.generation.vllm_sampling import Decoding, generate, start, stream
    from tasks.rows.tokens import ChatTokens

    draw = np.random.default_rng(0)
    lengths = np.minimum(draw.geometric(1 / 40, ROWS), LIMIT)
    lengths[draw.permutation(ROWS)[: ROWS // 100]] = LIMIT
    length_of = {f"r/{number:04}": int(length) for number, length in enumerate(lengths)}

    @dataclass(frozen=True)
    class Given(Decoding):
        """Each row ends at the length that it was given."""

        def params(self, row_id: str) -> Any:
            params = super().params(row_id)
            params.max_tokens, params.ignore_eos = length_of[row_id], True
            return params

    chat, decoding = ChatTokens(NANO / "model"), Given(LIMIT)
    prompts = {row_id: chat.prompt(f"What is {number} + 2?") for number, row_id in enumerate(length_of)}
    ids = list(prompts)
    llm = start(NANO / "model", cuda=False, dtype="bfloat16", context=LIMIT + 64, sequences=SEQUENCES)

    def queue() -> int:
        return sum(answer.tokens for _, answer in stream(llm, prompts, decoding))

    def blocks() -> int:
        parts = [ids[at : at + BLOCK] for at in range(0, ROWS, BLOCK)]
        return sum(
            answer.tokens
            for part in parts
            for answer in generate(llm, part, [prompts[row_id] for row_id in part], decoding)
        )

    speeds: dict[str, list[float]] = {"queue": [], "blocks": []}
    for _ in range(REPEATS):
        for name, run in (("queue", queue), ("blocks", blocks)):
            begin = time.perf_counter()
            tokens = run()
            speeds[name].append(tokens / (time.perf_counter() - begin))
            assert tokens == sum(length_of.values())
    ratios = [a / b for a, b in zip(speeds["queue"], speeds["blocks"], strict=True)]
    figure = {
        "name": "sampling",
        "value": statistics.median(speeds["queue"]),
        "unit": "tokens/s",
        "baseline": {"name": f"blocks of {BLOCK}", "value": statistics.median(speeds["blocks"])},
        "ratio": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
        "n": REPEATS,
        "slots": SEQUENCES,
    }
    print(json.dumps(figure))


if __name__ == "__main__":
    main()
