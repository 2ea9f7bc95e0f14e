"""The engine of the local judge, in the inference environment: chats in, replies out, over a Unix socket.

In:  [{"messages": [{"role": "system", …}, {"role": "user", …}], "seed": 0}, …]                        one line a block
Out: [{"text": "{\\"reason\\": …, \\"valid\\": true}", "error": null, "prompt_tokens": 512, "completion_tokens": 64}, …]
"""

from collections.abc import Callable
from typing import Any, Literal

from tasks.runtime.engines.spec import read_spec
from tasks.verify.judges.engine_process import EngineSpec, answer_blocks
from tasks.verify.judges.judge_prompt import SCHEMA

Requests = list[dict[str, Any]]
Replies = list[dict[str, Any]]


class LocalJudgeSpec(EngineSpec):
    """What the engine is told."""

    model: str
    revision: str | None = None
    backend: Literal["vllm", "transformers"]
    cuda: bool
    context: int
    sequences: int
    tensor_parallel: int
    temperature: float
    max_tokens: int


def main() -> None:
    """Load the model, then answer block after block until the other side closes."""
    spec = read_spec(LocalJudgeSpec)
    answer_blocks(spec, with_vllm(spec) if spec.backend == "vllm" else with_transformers(spec))


def reply(text: str | None, error: str | None, prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """One reply; `text` is None where there is an `error`."""
    return {"text": text, "error": error, "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}


def too_long(tokens: int, spec: LocalJudgeSpec) -> str | None:
    """Why a prompt of so many tokens cannot be asked, or None."""
    if tokens + spec.max_tokens <= spec.context:
        return None
    return f"prompt of {tokens} and reply of {spec.max_tokens} tokens do not fit the judge's context of {spec.context}"


def with_vllm(spec: LocalJudgeSpec) -> Callable[[Requests], Replies]:
    """vLLM, its replies held to the verdict's JSON schema."""
    from vllm import LLM, SamplingParams
    from vllm.inputs import TokensPrompt
    from vllm.sampling_params import StructuredOutputsParams

    options: dict[str, Any] = {} if spec.cuda else {"dtype": "float32", "enforce_eager": True}
    if spec.tensor_parallel == 1:
        options["distributed_executor_backend"] = "uni"
    llm = LLM(
        model=spec.model,
        revision=spec.revision,
        max_model_len=spec.context,
        max_num_seqs=spec.sequences,
        tensor_parallel_size=spec.tensor_parallel,
        generation_config="vllm",
        # Compact JSON: a small model can else fill its reply with blanks, which a JSON schema allows.
        structured_outputs_config={"backend": "xgrammar", "disable_any_whitespace": True},
        disable_log_stats=True,
        **options,
    )
    tokenizer = llm.get_tokenizer()

    def answer(requests: Requests) -> Replies:
        prompts = [_token_ids(tokenizer, request["messages"]) for request in requests]
        fitting = [at for at, prompt in enumerate(prompts) if too_long(len(prompt), spec) is None]
        outputs = llm.generate(
            [TokensPrompt(prompt_token_ids=prompts[at]) for at in fitting],
            sampling_params=[
                SamplingParams(
                    temperature=spec.temperature,
                    max_tokens=spec.max_tokens,
                    seed=requests[at]["seed"],
                    structured_outputs=StructuredOutputsParams(json=SCHEMA),
                )
                for at in fitting
            ],
            use_tqdm=False,
        )
        replies = [reply(None, too_long(len(prompt), spec), len(prompt), 0) for prompt in prompts]
        for at, output in zip(fitting, outputs, strict=True):
            best = output.outputs[0]
            replies[at] = reply(best.text, None, len(prompts[at]), len(best.token_ids))
        return replies

    return answer


def with_transformers(spec: LocalJudgeSpec) -> Callable[[Requests], Replies]:
    """transformers' generate, one row at a time; replies are free text."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(spec.model, revision=spec.revision)
    model: Any = AutoModelForCausalLM.from_pretrained(
        spec.model, revision=spec.revision, dtype="auto" if spec.cuda else torch.float32, use_safetensors=True
    )
    model = model.to("cuda" if spec.cuda else "cpu").eval()
    sampling: dict[str, Any] = {"do_sample": False}
    if spec.temperature > 0:
        sampling = {"do_sample": True, "temperature": spec.temperature, "top_k": 0, "top_p": 1.0}

    @torch.inference_mode()
    def answer(requests: Requests) -> Replies:
        replies = []
        for request in requests:
            ids = torch.tensor([_token_ids(tokenizer, request["messages"])], device=model.device)
            size = ids.shape[1]
            if (error := too_long(size, spec)) is not None:
                replies.append(reply(None, error, size, 0))
                continue
            torch.manual_seed(request["seed"])
            output = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=spec.max_tokens, **sampling
            )[0, size:]
            text = tokenizer.decode(output, skip_special_tokens=True)
            replies.append(reply(text, None, size, len(output)))
        return replies

    return answer


def _token_ids(tokenizer: Any, messages: list[dict[str, str]]) -> list[int]:
    """Token ids of the chat; never text to an engine, which would put a second BOS before it."""
    encoded = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=True)
    return [int(token) for token in encoded["input_ids"]]


if __name__ == "__main__":
    main()
