"""An adapter in vLLM on a CPU: one product a matrix against vLLM's own gathering of the matrices for every token.

`.envs/inference/bin/python -m benchmarks.one_adapter` prints two JSON lines, for a prompt of 512 tokens and for a step
of 32 sequences: milliseconds of a core for the seven matrices of one layer of SmolLM2-135M (rank 16, bfloat16), by
turns.
"""

import time
from collections.abc import Callable
from typing import Any

from benchmarks._beside import tell

REPEATS, RANK, HIDDEN, KEYS, WIDE = 7, 16, 576, 192, 1536
MATRICES = ((HIDDEN, HIDDEN), (HIDDEN, KEYS), (HIDDEN, KEYS), (HIDDEN, HIDDEN), *[(HIDDEN, WIDE)] * 2, (WIDE, HIDDEN))


def main() -> None:
    import torch
    from vllm.lora.ops.torch_ops import lora_ops

    from tasks.generation import one_adapter

    torch.set_num_threads(1)
    ways = {
        "one": (one_adapter.shrink, one_adapter.expand_slice),
        "own": (lora_ops.bgmv_shrink, lora_ops.bgmv_expand_slice),
    }
    for name, tokens in (("prompt", 512), ("step", 32)):
        layer = [
            tuple(torch.randn(shape).bfloat16() for shape in ((tokens, read), (1, 1, RANK, read), (1, 1, write, RANK)))
            for read, write in MATRICES
        ]
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(REPEATS):
            for way, (shrink, expand) in ways.items():
                taken[way].append(1000 * _seconds(torch, layer, shrink, expand))
        unit = f"ms of a core, a layer, {tokens} tokens"
        tell(f"one_adapter/{name}", unit, "vLLM's own", taken["one"], taken["own"], better="lower")


def _seconds(torch: Any, layer: list[Any], shrink: Callable[..., None], expand: Callable[..., None]) -> float:
    begin = time.process_time()
    for inputs, a, b in layer:
        tokens, write = len(inputs), b.shape[2]
        which = torch.zeros(tokens, dtype=torch.long)
        buffer, output = torch.zeros(tokens, RANK), torch.zeros(tokens, write).bfloat16()
        shrink(inputs, a, buffer, which, 2.0)
        expand(buffer, b, output, which, 0, write, True)
    return time.process_time() - begin


if __name__ == "__main__":
    main()
