"""Rows through vLLM in one queue against blocks that wait for their longest row: the share of slots that are busy.

`.envs/inference/bin/python -m benchmarks.sampling` prints one JSON line. Lengths are given, so that both write the same
tokens: 40 on average (geometric, as texts end), and one row in a hundred runs to the limit of 400. A GPU's step takes
about as long with few rows as with many, so there the share is the speed; a CPU's does not, so its tokens a second
(told beside it) hardly differ. nano in bfloat16. What the queue loses is its end, when no row waits any more: `longer`
reckons the share for more rows by giving each to the slot that is free first, and must give the run's own share for
its rows. At an engine's own optimum, over the paths that are run: benchmarks/busy.py.
"""

import heapq
import os
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._beside import tell

NANO = Path(__file__).resolve().parent.parent / "infra" / "nano"
ROWS, BLOCK, SEQUENCES, LIMIT = 9216, 288, 32, 400
LONGER = 100_000  # rows


def main() -> None:
    from tasks.generation.variables import engine_variables

    os.environ.update(engine_variables(cuda=False))
    from tasks.generation.vllm_sampling import Decoding, Prompt, generate, start, stream
    from tasks.rows.tokens import ChatTokens

    length_of = {f"r/{number:05}": length for number, length in enumerate(lengths(ROWS))}

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
        rows = iter([(row_id, Prompt(prompt, row_id, decoding)) for row_id, prompt in prompts.items()])
        return sum(answer.tokens for _, answer in stream(llm, lambda room: islice(rows, room)))

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
    reckoned = share_busy(lengths(ROWS))
    assert abs(reckoned - busy["queue"]) < 1e-9, "the queue gave a slot that was free to no row that waited"
    more = {"slots": SEQUENCES, "tokens_per_second": speed, "longer": {str(LONGER): share_busy(lengths(LONGER))}}
    tell("sampling", "share of slots busy", f"blocks of {BLOCK}", [busy["queue"]], [busy["blocks"]], **more)


def lengths(rows: int) -> list[int]:
    """Tokens of each output."""
    draw = np.random.default_rng(0)
    drawn = np.minimum(draw.geometric(1 / 40, rows), LIMIT)
    drawn[draw.permutation(rows)[: rows // 100]] = LIMIT
    return [int(length) for length in drawn]


def share_busy(given: list[int]) -> float:
    """Of the slots' steps those with a row, where a row that waits has the first slot that is free."""
    ends = [0] * SEQUENCES
    for length in given:
        heapq.heapreplace(ends, ends[0] + length)
    return sum(given) / (max(ends) * SEQUENCES)


if __name__ == "__main__":
    main()
