"""Prompts in, finished texts out, durable as they finish: what rewriting, measuring and evaluation share.

In:  {"a/1": [1, 7, 42, …], …}                            prompt token ids by row id
Out: {"id": "a/1", "text": "Step 1: …", "finished": true, "tokens": 87}     in the order of the ids; kept in `folder`

Where greedy bytes can be promised (float32 on a CPU), rows are computed in fixed blocks (tasks/generation/blocks.py),
elsewhere in one queue (tasks/generation/queue.py). The engine starts with the first row that is missing; where there
are `workers`, each has an engine and gets blocks or rows as it asks for them (tasks/runtime/engines/dealing.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.generation import blocks, queue
from tasks.generation.asked import Asked
from tasks.generation.config import EngineConfig
from tasks.generation.vllm_sampling import (
    Completion,
    Decoding,
    Prompt,
    at_once,
    generate,
    repeatable,
    start,
    stop,
    stream,
)
from tasks.rows.jsonl import Row
from tasks.rows.precision import Dtype
from tasks.runtime.engines.dealing import Hand, Workers, answered

if TYPE_CHECKING:
    from vllm import LLM


@dataclass
class Sampler:
    """vLLM with `model`, and `adapter` where there is one, for at most `context` tokens a row: one engine in this
    process, or one in each of `workers`, which call `serve`.

    `shared_prompts`: rows are candidates of the same prompts, each of which is read once.
    """

    model: Path
    config: EngineConfig
    context: int
    cuda: bool
    dtype: Dtype = "auto"
    adapter: Path | None = None
    shared_prompts: bool = False
    workers: Workers | None = None

    def complete(
        self,
        folder: Path,
        decoding: Decoding,
        ids: Sequence[str],
        prompts: Mapping[str, Sequence[int]],
        unit: str = "rows",
    ) -> list[Row]:
        """A row of each prompt; what an earlier attempt left in `folder` is kept.

        Args:
            ids: of all rows; those without a prompt are passed over.
            unit: what progress is counted in.
        """
        return self.complete_all({"": Asked(folder, decoding, ids, prompts)}, unit)[""]

    def complete_all(self, asked: Mapping[str, Asked], unit: str = "rows") -> dict[str, list[Row]]:
        """A row of each prompt of each set, from one queue of all; what an earlier attempt left is kept."""
        if self.in_blocks:
            return blocks.complete(asked, self.config.block, self._blocks, unit)
        return queue.complete(asked, self._rows, unit)

    def serve(self, hand: Hand) -> None:
        """Answer what another process's sampler deals to this one, until nothing more comes."""
        if self.in_blocks:
            hand.work_off(self._block)
        else:
            rows = at_once(self.llm)
            hand.ask(rows + rows // 8 + 1)  # what ends in a step has a successor before the dealer hears of it
            for key, completion in stream(self.llm, lambda room: hand.more(), self.adapter):
                hand.answer(key, completion)

    @property
    def in_blocks(self) -> bool:
        """Whether rows are computed in fixed blocks."""
        return repeatable(self.model, self.dtype, self.cuda)

    def _blocks(self, work: Mapping[blocks.Key, blocks.Block]) -> Iterator[tuple[blocks.Key, list[Completion]]]:
        return answered(([block] for block in work.items()), self._block, self.workers)

    def _block(self, block: blocks.Block) -> list[Completion]:
        return generate(self.llm, block.ids, block.prompts, block.decoding, self.adapter)

    def _rows(self, work: Mapping[queue.Key, Prompt]) -> Iterator[tuple[queue.Key, Completion]]:
        if self.workers is not None:  # an engine gets all candidates of a prompt
            return self.workers.deal(
                list(group) for _, group in groupby(work.items(), key=lambda row: list(row[1].token_ids))
            )
        waiting = iter(work.items())
        return stream(self.llm, lambda room: islice(waiting, room), self.adapter)

    @cached_property
    def llm(self) -> "LLM":
        """The engine, started at its first use."""
        return start(
            self.model,
            cuda=self.cuda,
            dtype=self.dtype,
            context=self.context,
            sequences=self.config.batch,
            adapter=self.adapter,
            tensor_parallel=self.config.tensor_parallel,
            gpu_memory_utilization=self.config.gpu_memory_utilization,
            shared_prompts=self.shared_prompts,
        )

    def close(self) -> None:
        """End the engines where they have started, so that another model has the device."""
        if self.workers is not None:
            self.workers.close()
        if "llm" in self.__dict__:
            stop(self.__dict__.pop("llm"))
