"""The same log-likelihoods from vLLM's prompt_logprobs: for backbones that vLLM serves faster than transformers.

In:  Question(prompt=[1, 5, 9], targets=[[7, 2], [7, 8, 8, 2]])
Out: [[-3.1, -6.4]]      log pi_0(y|x) in nats

vLLM does not read its prefix cache for requests with prompt_logprobs (0.32: vllm/sampling_params.py): a prompt is
computed again for each of its targets, which shared_prefix.py computes once.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.rows.precision import Dtype, resolve
from tasks.score.batches import Question


def load_vllm(folder: Path, dtype: Dtype, cuda: bool) -> Any:
    """A vLLM engine in this process, for scoring only."""
    from vllm import LLM

    cpu = {} if cuda else {"distributed_executor_backend": "uni", "enforce_eager": True}
    return LLM(model=str(folder), dtype=resolve(dtype, folder, cuda), seed=0, **cpu)


def vllm_log_likelihoods(llm: Any, questions: Sequence[Question]) -> list[list[float]]:
    """log pi_0(y|x) in nats, one a target of each question (0.0 for an empty one).

    Token ids go in, so that no BOS is doubled. vLLM must generate something: one token, which is thrown away, so a
    prompt with its target may be one token shorter than the context.
    """
    from vllm import SamplingParams, TokensPrompt

    sums = [[0.0] * len(question.targets) for question in questions]
    items = [(i, k) for i, q in enumerate(questions) for k, target in enumerate(q.targets) if target]
    prompts = [TokensPrompt(prompt_token_ids=[*questions[i].prompt, *questions[i].targets[k]]) for i, k in items]
    parameters = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False)
    for (i, k), output in zip(items, llm.generate(prompts, parameters, use_tqdm=False), strict=True):
        first, target = len(questions[i].prompt), questions[i].targets[k]
        found = output.prompt_logprobs[first:]
        sums[i][k] = float(sum(place[token].logprob for place, token in zip(found, target, strict=True)))
    return sums
