"""Prompts in, finished texts out, durable as they finish: what rewriting, measuring and evaluation share.

In:  {"a/1": [1, 7, 42, …], …}                            prompt token ids by row id
Out: {"id": "a/1", "text": "Step 1: …", "finished": true, "tokens": 87}     in the order of the ids; kept in `folder`

Where greedy bytes can be promised (float32 on a CPU), rows are computed in fixed blocks (tasks/generation/blocks.py),
elsewhere in one queue (tasks/generation/queue.py). The engine starts with the first row that is missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.generation import blocks, queue
from tasks.generation.config import EngineConfig
from tasks.generation.vllm_sampling import Completion, Decoding, generate, repeatable, start, stop, stream
from tasks.rows.jsonl import Row
from tasks.rows.precision import Dtype

if TYPE_CHECKING:
    from vllm import LLM


@dataclass
class Sampler:
    """One vLLM engine: `model`, with `adapter` where there is one, for at most `context` tokens a row; it samples what
    is asked of it one after the other, each as its `decoding` says.

    `shared_prompts`: rows are candidates of the same prompts, each of which is read once.
    """

    model: Path
    config: EngineConfig
    context: int
    cuda: bool
    dtype: Dtype = "auto"
    adapter: Path | None = None
    shared_prompts: bool = False

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
        if repeatable(self.model, self.dtype, self.cuda):
            cuts = blocks.cut(ids, self.config.block)

            def answer(named: Sequence[str], asked: Sequence[Sequence[int]]) -> list[Completion]:
                return generate(self.llm, named, asked, decoding, self.adapter)

            return blocks.complete(folder / "blocks", cuts, prompts, answer, unit)

        def answers(asked: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, Completion]]:
            return stream(self.llm, asked, decoding, self.adapter)

        return queue.complete(folder / "finished.jsonl", prompts, answers, unit)

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
        """End the engine where it has started, so that another model has the device."""
        if "llm" in self.__dict__:
            stop(self.__dict__.pop("llm"))
