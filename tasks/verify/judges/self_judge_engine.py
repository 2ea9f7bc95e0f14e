"""The engine of the judge of kind `self`, in the inference environment: items in, first-token probabilities out.

In:  [{"id": "r1", "question": "…", "gold": "72", "solution": "48/2 = 24 …"}, …]                one line a block
Out: [{"yes": -0.31, "no": -1.62, "tokens": 412, "error": null}, …]
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from tasks.rows.context import longest_context
from tasks.rows.precision import resolve
from tasks.runtime.engines.spec import read_spec
from tasks.score.batches import Question
from tasks.verify.judges.engine_process import Block, EngineSpec, answer_blocks
from tasks.verify.judges.first_token import FirstTokens, from_model
from tasks.verify.types import JudgeItem


class SelfJudgeSpec(EngineSpec):
    """What the engine is told; `context` in tokens of prompt and answer, `sequences` that vLLM reads at once."""

    backbone: Path
    backend: Literal["vllm", "transformers"]
    cuda: bool
    context: int
    sequences: int
    tensor_parallel: int
    rubric: str | None = None


def main() -> None:
    """Load the backbone, then answer block after block until the other side closes."""
    spec = read_spec(SelfJudgeSpec)
    read = with_vllm(spec) if spec.backend == "vllm" else with_transformers(spec)

    def answer(block: Block) -> Block:
        return [asdict(reading) for reading in read([JudgeItem(**item) for item in block])]

    answer_blocks(spec, answer)


def with_transformers(spec: SelfJudgeSpec) -> FirstTokens:
    """Prompts that candidates share are read once."""
    from tasks.score.load import load_backbone

    return from_model(load_backbone(spec.backbone, "auto", spec.cuda), spec.backbone, spec.context, spec.rubric)


def with_vllm(spec: SelfJudgeSpec) -> FirstTokens:
    """vLLM's prefix cache holds what candidates share."""
    from vllm import LLM

    from tasks.rows.tokens import ChatTokens

    options: dict[str, Any] = {} if spec.cuda else {"enforce_eager": True}
    if spec.tensor_parallel == 1:
        options["distributed_executor_backend"] = "uni"
    context = min(spec.context, longest_context(spec.backbone))
    llm = LLM(
        model=str(spec.backbone),
        dtype=resolve("auto", spec.backbone, spec.cuda),
        max_model_len=context,
        max_num_seqs=spec.sequences,
        tensor_parallel_size=spec.tensor_parallel,
        generation_config="vllm",
        disable_log_stats=True,
        **options,
    )
    return FirstTokens(
        ChatTokens(spec.backbone), lambda q, tokens: vllm_next_logprobs(llm, q, tokens), context, spec.rubric
    )


def vllm_next_logprobs(llm: Any, questions: Sequence[Question], tokens: Sequence[int]) -> list[list[list[float]]]:
    """log pi_0(v | prompt, target) in nats of each of `tokens`: vLLM samples one token, which is thrown away."""
    from vllm import SamplingParams, TokensPrompt

    prompts = [TokensPrompt(prompt_token_ids=[*q.prompt, *target]) for q in questions for target in q.targets]
    sampling = SamplingParams(max_tokens=1, temperature=0.0, logprob_token_ids=list(tokens), detokenize=False)
    outputs = iter(llm.generate(prompts, sampling, use_tqdm=False) if prompts else [])
    found = []
    for question in questions:
        at = [next(outputs).outputs[0].logprobs[0] for _ in question.targets]
        found.append([[float(of_target[token].logprob) for token in tokens] for of_target in at])
    return found


if __name__ == "__main__":
    main()
