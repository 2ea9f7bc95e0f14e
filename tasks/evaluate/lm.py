"""The model as lm-eval sees it: prompts as token ids, none cut, and a record of how each answer ended.

lm-eval's own vLLM and transformers models return text alone (0.4.13): no finish reason, and a prompt too long for the
context is cut from the left with a warning.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
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

OVERLONG: Row = {"text": "", "finished": False, "tokens": 0}  # the answer to a prompt that does not fit


@dataclass(frozen=True)
class Questions:
    """A benchmark's row ids, and the prompts of those that are asked."""

    ids: list[str]
    prompts: dict[str, list[int]]


# Gives by benchmark its answers; what else it gives is kept in `RecordingLM.made`.
Complete = Callable[[Mapping[str, Questions]], dict[str, list[Row]]]


class RecordingLM(LM):  # type: ignore[misc]
    """Answers lm-eval's generation requests through `complete`, which keeps what a killed run had finished.

    lm-eval (0.4.13) hands over the requests of all its tasks in one call: no benchmark waits for another.
    """

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
        self.made: dict[str, list[Row]] = {}
        self.answers: dict[str, dict[str, Row]] = {}  # by benchmark and row id: {"text", "finished", "tokens"}

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
        """Answers in the order of the requests; "" where the prompt is too long (it is counted)."""
        benchmarks = _by_benchmark(requests)
        asked = {name: self._questions(own) for name, own in benchmarks.items()}
        self.made = self.complete(asked)
        for name, own in benchmarks.items():
            answered = {answer["id"]: answer for answer in self.made[name]}
            self.answers[name] = dict.fromkeys(asked[name].ids, OVERLONG) | answered
            self.judge([one.doc for one in own], [self._text(one) for one in own])
        return [self._text(one) for one in requests]

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Of each option of the benchmarks' questions; what is kept as a row's answer is its likeliest option.

        A prompt that is too long has no likeliest option: it is counted, as where answers are written.
        """
        with closing(self.likelihood):
            return [one for own in _by_benchmark(requests).values() for one in self._likelihoods(own)]

    def _likelihoods(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Of one benchmark's options."""
        pairs = [(self.tokens.encode(one.args[0]), self.tokens.target(one.args[1], finished=False)) for one in requests]
        fitting = [at for at, (prompt, _) in enumerate(pairs) if len(prompt) <= self.longest_prompt]
        scores = dict(zip(fitting, self.likelihood([pairs[at] for at in fitting]), strict=True))
        answers = self.answers[_benchmark_of(requests[0])] = {}
        for at, one in enumerate(requests):
            kept = answers.setdefault(str(one.doc["id"]), OVERLONG | {"likelihoods": {}, "greedy": []})
            if at in scores:
                score, is_greedy = scores[at]
                if score > max(kept["likelihoods"].values(), default=float("-inf")):
                    kept |= {"text": one.args[1], "finished": True, "tokens": len(pairs[at][1])}
                kept["likelihoods"][one.args[1]] = score
                kept["greedy"] += [one.args[1]] if is_greedy else []
        return [scores.get(at, (float("-inf"), False)) for at in range(len(requests))]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError("no benchmark here asks for the likelihood of whole texts; tasks/drift measures it")

    def _questions(self, requests: list[Instance]) -> Questions:
        encoded = {str(one.doc["id"]): self.tokens.encode(one.args[0]) for one in requests}
        return Questions(list(encoded), {one: ids for one, ids in encoded.items() if len(ids) <= self.longest_prompt})

    def _text(self, request: Instance) -> str:
        return str(self.answers[_benchmark_of(request)][str(request.doc["id"])]["text"])


def _by_benchmark(requests: list[Instance]) -> dict[str, list[Instance]]:
    """lm-eval's requests are in the order of its tasks, so one after the other they are in theirs."""
    return {name: list(own) for name, own in groupby(requests, _benchmark_of)}


def _benchmark_of(request: Instance) -> str:
    return str(request.task_name).removeprefix(TASK_PREFIX)


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
