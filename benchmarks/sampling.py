"""Rows through vLLM in one queue against blocks that wait for their longest row: the share of slots that are busy.

`.envs/inference/bin/python -m benchmarks.sampling` prints one JSON line. Lengths are given, so that both write the same
tokens: 40 on average (geometric, as texts end), and one row in a hundred runs to the limit of 400. A GPU's step takes
about as long with few rows as with many, so there the share is the speed; a CPU's does not, so its tokens a second
(told beside it) hardly differ. nano in bfloat16.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NANO = Path(__file__).resolve().parent.parent / "infra" / "nano"
ROWS, BLOCK, SEQUENCES, LIMIT = 2304, 288, 32, 400


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

    engine, one_step, steps = llm.llm_engine, llm.llm_engine.step, 0

    def counted() -> Any:
        nonlocal steps
        steps += 1
        return one_step()

    engine.step = counted  # type: ignore[method-assign]
    busy, speed = dict[str, float](), dict[str, float]()
    for name, run in (("queue", queue), ("blocks", blocks)):
        steps, begin = 0, time.perf_counter()
        tokens = run()
        busy[name], speed[name] = tokens / (steps * SEQUENCES), tokens / (time.perf_counter() - begin)
        assert tokens == sum(length_of.values())
    figure = {
        "name": "sampling",
        "value": busy["queue"],
        "unit": "share of slots busy",
        "baseline": {"name": f"blocks of {BLOCK}", "value": busy["blocks"]},
        "ratio": busy["queue"] / busy["blocks"],
        "n": 1,
        "slots": SEQUENCES,
        "tokens_per_second": speed,
    }
    print(json.dumps(figure))


if __name__ == "__main__":
    main()
