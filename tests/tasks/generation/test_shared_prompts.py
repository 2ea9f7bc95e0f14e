"""K candidates of a prompt cost one reading of it: whole blocks of keys and values are shared, with an adapter too."""

import os
from pathlib import Path
from typing import Any

import pytest

from tasks.generation.variables import engine_variables
from tests.flows.commands.agents import NANO, save_random_adapter

pytestmark = [pytest.mark.inference, pytest.mark.slow]

BLOCK, K = 128, 10  # tokens of a block on a CPU
LENGTH = 2 * BLOCK + 44  # of the prompt: its last tokens fill no block


@pytest.mark.parametrize("adapted", [False, True])
def test_ten_candidates_read_the_blocks_of_their_prompt_once(adapted: bool, tmp_path: Path) -> None:
    os.environ.update(engine_variables(cuda=False))
    from tasks.generation.vllm_sampling import Decoding, generate, start, stop
    from tasks.rows.tokens import ChatTokens

    adapter = tmp_path / "adapter" if adapted else None
    if adapter is not None:
        save_random_adapter(adapter)
    prompt = ChatTokens(NANO).prompt("Ana has 2 plums and buys 5 more. " * 60)[:LENGTH]
    assert len(prompt) == LENGTH
    ids = [f"a#{number}" for number in range(K)]
    llm = start(NANO, cuda=False, context=LENGTH + 16, sequences=K, adapter=adapter, shared_prompts=True)
    outputs: list[Any] = []
    answered = llm.generate

    def kept(*given: Any, **named: Any) -> Any:
        outputs[:] = answered(*given, **named)
        return outputs

    llm.generate = kept  # type: ignore[method-assign]
    try:
        decoding = Decoding(16, temperature=1.0)
        drawn = generate(llm, ids, [prompt] * K, decoding, adapter)
    finally:
        stop(llm)
    read = [len(one.prompt_token_ids) - one.num_cached_tokens for one in outputs]
    assert sorted(read) == [LENGTH - 2 * BLOCK] * (K - 1) + [LENGTH]
    assert len({one.text for one in drawn}) > 1, "candidates are drawn each for itself"
