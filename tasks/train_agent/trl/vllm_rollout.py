"""Rollouts of the policy by vLLM in the trainer's process, which gets the adapter anew at each step, as a LoRA.

In:  a PEFT model, prompts [[1, 5, 9], [1, 7]], K = 2
Out: [Rollout(ids=[7, 2], logprobs=[-0.1, -0.9], finished=True), …]      prompt by prompt, K in a row

TRL's own way merges the adapter into the weights and loads these into vLLM: in bfloat16 that rounds a young adapter
away, and vLLM on a CPU cannot load weights twice (0.32).
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.generation.rollout import Rollout, Sampling
from tasks.generation.vllm_sampling import ended_itself, start
from tasks.train_agent.adapter import save_adapter
from tasks.train_agent.spec import TrainSpec

_SEQUENCES = 256  # sampled at once


class VLLMRollout:
    """A vLLM engine, started with the first adapter."""

    def __init__(self, spec: TrainSpec, folder: Path, sampling: Sampling) -> None:
        """`folder`: for the adapters, one at a time; what is in it is deleted."""
        self.spec, self.folder, self.sampling = spec, folder, sampling
        self.llm: Any = None
        shutil.rmtree(folder, ignore_errors=True)

    def sample(self, model: Any, prompts: Sequence[Sequence[int]], k: int, step: int) -> list[Rollout]:
        """K rollouts of each prompt under the model's adapter; the same for the same weights, seed and step."""
        from vllm import SamplingParams
        from vllm.inputs import TokensPrompt
        from vllm.lora.request import LoRARequest

        config = self.spec.config
        adapter = self.folder / str(step)
        adapter.parent.mkdir(parents=True, exist_ok=True)
        save_adapter(model, adapter)
        if self.llm is None:
            self.llm = start(
                self.spec.backbone,
                cuda=self.spec.cuda,
                dtype=config.dtype,
                context=config.max_prompt_tokens + config.max_new_tokens,
                sequences=min(_SEQUENCES, config.prompts_per_step * k),
                adapter=adapter,
                gpu_memory_utilization=config.vllm_memory,
                tempered_logprobs=True,
            )
        sampling = SamplingParams(
            n=k,
            temperature=self.sampling.temperature,
            max_tokens=self.sampling.max_new_tokens,
            stop_token_ids=list(self.sampling.stop_ids),
            logprobs=0,
            seed=config.seed * 1_000_003 + step,
        )
        outputs = self.llm.generate(
            [TokensPrompt(prompt_token_ids=list(prompt)) for prompt in prompts],
            sampling_params=sampling,
            use_tqdm=False,
            # vLLM keeps a LoRA by its number: a step's own, or it would go on with the last one's weights.
            lora_request=LoRARequest(f"step-{step}", step, str(adapter)),
        )
        shutil.rmtree(adapter)
        return [_rollout(one) for output in outputs for one in sorted(output.outputs, key=lambda one: one.index)]


def _rollout(output: Any) -> Rollout:
    ids = list(output.token_ids)
    logprobs = [drawn[token].logprob for token, drawn in zip(ids, output.logprobs, strict=True)]
    return Rollout(ids, logprobs, ended_itself(output))
