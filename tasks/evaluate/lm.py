"""The model as lm-eval sees it: prompts as token ids, none cut, and a record of how each answer ended.

lm-eval's own vLLM and transformers models return text alone (0.4.13): no finish reason, and a prompt too long for the
context is cut from the left with a warning.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from tasks.evaluate.benchmark import TASK_PREFIX
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.likelihood import Likelihood
from tasks.generation.blocks import Generate
from tasks.rows.jsonl import Row
from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens

BATCH = 256  # prompts that transformers pads to one length

# A benchmark's name, all its row ids, and the prompts of those that are asked; gives their answers.
Complete = Callable[[str, Sequence[str], Mapping[str, Sequence[int]]], list[Row]]


class RecordingLM(LM):  # type: ignore[misc]
    """Answers lm-eval's generation requests through `complete`, which keeps what a killed run had finished."""

    def __init__(
        self,
        tokens: ChatTokens,
        complete: Complete,
        judge: Callable[[Sequence[Row], Sequence[str]], None],
        longest_prompt: int,
        likelihood: Likelihood,
    ) -> None:
        super().__init__()
        self.likelihood = likelihood
        self.tokens, self.complete, self.judge, self.longest_prompt = tokens, complete, judge, longest_prompt
        self.answers: dict[str, Row] = {}  # of the last benchmark, by row id: {"text", "finished", "tokens"}
        self.prompts: dict[str, list[int]] = {}  # of the last benchmark, those that fit

    @property
    def tokenizer_name(self) -> str:
        return str(self.tokens.folder)

    def chat_template(self, chat_template: bool | str = False) -> str:
        return str(self.tokens.tokenizer.chat_template)

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """One user turn; the benchmarks are zero-shot."""
        if [turn["role"] for turn in chat_history] != ["user"] or not add_generation_prompt:
            raise ValueError(
                "these benchmarks ask with one user turn; few-shot examples and prefills are not supported"
            )
        return self.tokens.render(chat_history[0]["content"])

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Answers of one benchmark in the order of its requests; "" where the prompt is too long (it is counted)."""
        name = str(requests[0].task_name).removeprefix(TASK_PREFIX)
        encoded = {str(request.doc["id"]): self.tokens.encode(request.args[0]) for request in requests}
        self.prompts = {row_id: ids for row_id, ids in encoded.items() if len(ids) <= self.longest_prompt}
        answers = self.complete(name, list(encoded), self.prompts)
        overlong = {"text": "", "finished": False, "tokens": 0}
        self.answers = dict.fromkeys(encoded, overlong) | {answer["id"]: answer for answer in answers}
        texts = [self.answers[row_id]["text"] for row_id in encoded]
        self.judge([request.doc for request in requests], texts)
        return texts

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Of each option of one benchmark's questions; what is kept as a row's answer is its likeliest option.

        A prompt that is too long has no likeliest option: it is counted, as where answers are written.
        """
        pairs = [(self.tokens.encode(one.args[0]), self.tokens.target(one.args[1], finished=False)) for one in requests]
        fitting = [at for at, (prompt, _) in enumerate(pairs) if len(prompt) <= self.longest_prompt]
        scores = dict(zip(fitting, self.likelihood([pairs[at] for at in fitting]), strict=True))
        self.answers = {}
        for at, one in enumerate(requests):
            overlong = {"text": "", "finished": False, "tokens": 0, "likelihoods": {}}
            kept = self.answers.setdefault(str(one.doc["id"]), overlong)
            if at in scores:
                if scores[at][0] > max(kept["likelihoods"].values(), default=float("-inf")):
                    kept |= {"text": one.args[1], "finished": True, "tokens": len(pairs[at][1])}
                kept["likelihoods"][one.args[1]] = scores[at][0]
        return [scores.get(at, (float("-inf"), False)) for at in range(len(requests))]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError("no benchmark here asks for the likelihood of whole texts; tasks/drift measures it")


def transformers_generator(model: Path, tokens: ChatTokens, cuda: bool, config: EvaluateConfig) -> Generate:
    """A generator by plain transformers, greedy, a batch of prompts at a time padded on the left."""
    import torch
    from transformers import AutoModelForCausalLM

    from tasks.generation.vllm_sampling import Completion

    device = "cuda" if cuda else "cpu"
    dtype = getattr(torch, resolve(config.dtype, model, cuda))
    network: Any = AutoModelForCausalLM.from_pretrained(str(model), dtype=dtype).to(device).eval()
    stops = sorted(tokens.stop_ids)
    pad = tokens.tokenizer.pad_token_id
    pad = stops[0] if pad is None else pad
    batch = config.batch or BATCH

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def batched(prompts: Sequence[Sequence[int]]) -> list[Completion]:
        width = max(map(len, prompts))
        padded = [[pad] * (width - len(ids)) + list(ids) for ids in prompts]
        mask = [[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts]
        outputs = network.generate(
            input_ids=torch.tensor(padded, device=device),
            attention_mask=torch.tensor(mask, device=device),
            max_new_tokens=config.max_new_tokens,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            eos_token_id=stops,
            pad_token_id=pad,
        )[:, width:].tolist()
        completions = []
        for ids in outputs:
            end = next((at for at, token in enumerate(ids) if token in tokens.stop_ids), None)
            kept = ids if end is None else ids[: end + 1]
            text = tokens.tokenizer.decode(kept, skip_special_tokens=True)
            completions.append(Completion(text, end is not None, len(kept)))
        return completions

    def generate(ids: Sequence[str], prompts: Sequence[Sequence[int]]) -> list[Completion]:
        done: list[Completion] = []
        for at in range(0, len(prompts), batch):
            done += batched(prompts[at : at + batch])
        return done

    return generate
