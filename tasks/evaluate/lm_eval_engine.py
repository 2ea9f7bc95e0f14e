"""The evaluation engine: lm-eval over all benchmarks that are missing for a model, with one loaded model.

In:  a spec (tasks/evaluate/spec.py): a model, and rows {"id", "question", "answer", "options", "subset"} a benchmark
Out: per benchmark answers.jsonl  {"id", "correct", "verdict", "reason", "extracted", "gold", "finished", "text", …}
                   scores.json    {"benchmark", "n", "correct", "accuracy", "low", "high", "undecided", …}
                   samples.jsonl  {"id", "sample", "correct", …}, where the config samples answers for pass@k

scores.json is written last: a benchmark that has it is done.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import lm_eval
from lm_eval.tasks import TaskManager

from tasks.evaluate import pass_at_k
from tasks.evaluate.benchmark import FOLDER, TASK_PREFIX, benchmark
from tasks.evaluate.config import SamplingConfig
from tasks.evaluate.likelihood import likelihood
from tasks.evaluate.lm import Complete, RecordingLM, transformers_generator
from tasks.evaluate.score import BESIDE, judge, opened, summary, verdict
from tasks.evaluate.spec import EvaluateSpec
from tasks.generation import blocks
from tasks.generation.asked import Asked
from tasks.generation.sampler import Sampler
from tasks.generation.vllm_sampling import Completion, Decoding
from tasks.rows.context import context_for
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens
from tasks.runtime.spec import read_spec
from tasks.runtime.whole_file import write_json
from tasks.verify.verifiers.registry import MATH

LONGEST_PROMPT = 16384  # no benchmark here comes near; it keeps vLLM's context small for models with a long one


def main() -> None:
    """Evaluate the benchmarks one after the other; each is written as soon as it is done."""
    spec = read_spec(EvaluateSpec)
    missing = [name for name, out in spec.outs.items() if not (out / "scores.json").exists()]
    tokens = ChatTokens(spec.model)
    context = context_for(spec.model, LONGEST_PROMPT, spec.config.max_new_tokens)
    sampler = Sampler(spec.model, spec.config, context, spec.cuda, spec.config.dtype)
    with ExitStack() as stack:
        # Started before hours of answers: a sandbox that cannot be had is told now.
        kinds = {benchmark(name).verifier for name in missing}
        verifiers = {kind: stack.enter_context(opened(kind, spec.config.code_sandbox)) for kind in sorted(kinds)}
        lm = RecordingLM(
            tokens,
            completer(spec, tokens, sampler),
            lambda docs, texts: judge(docs, texts, verifiers[docs[0].get("verifier", MATH)]),
            longest_prompt=context - spec.config.max_new_tokens,
            likelihood=likelihood(spec.model, spec.config.dtype, spec.cuda),
        )
        for name in missing:
            evaluate_one(name, spec, lm, sampler)


def evaluate_one(name: str, spec: EvaluateSpec, lm: RecordingLM, sampler: Sampler) -> None:
    """Run one benchmark through lm-eval and leave its answers and scores in its folder.

    Raises:
        RuntimeError: lm-eval's accuracy is not that of the answers.
    """
    metadata = {"rows": str(spec.rows.resolve())}
    results: Any = lm_eval.simple_evaluate(
        model=lm,
        tasks=[TASK_PREFIX + name],
        task_manager=TaskManager(include_path=str(FOLDER), include_defaults=False, metadata=metadata),
        apply_chat_template=True,
        gen_kwargs={"max_gen_toks": spec.config.max_new_tokens},
        log_samples=False,
        bootstrap_iters=0,
    )
    rows = list(read_rows(spec.rows / f"{name}.jsonl"))
    answers, verdicts = [], []
    for row in rows:
        answer = lm.answers[row["id"]]
        found = verdict(row, answer["text"])
        verdicts.append(found)
        answers.append(
            {
                "id": row["id"],
                "correct": found.correct,
                **asdict(found),
                "subset": row["subset"],
                "finished": answer["finished"],
                "tokens": answer["tokens"],
                "text": answer["text"],
                **({"cluster": row["cluster"]} if row.get("cluster") else {}),
                **({"likelihoods": answer["likelihoods"]} if "likelihoods" in answer else {}),
            }
        )
    scores = summary(name, answers) | {"dtype": resolve(spec.config.dtype, spec.model, spec.cuda)}
    if beside := BESIDE.get(benchmark(name).verifier):
        scores |= beside([row["answer"] for row in rows], verdicts)
    reported = results["results"][TASK_PREFIX + name]["correct,none"]
    if abs(reported - scores["accuracy"]) > 1e-9:
        raise RuntimeError(f"{name}: lm-eval reports accuracy {reported}, the answers give {scores['accuracy']}")
    out = spec.outs[name]
    out.mkdir(parents=True, exist_ok=True)
    write_rows(out / "answers.jsonl", answers)
    if spec.config.sampling is not None and benchmark(name).is_sampled:
        samples = sampled(name, spec, spec.config.sampling, rows, lm, sampler)
        write_rows(out / "samples.jsonl", samples)
        scores |= pass_at_k.summary(samples) | {"temperature": spec.config.sampling.temperature}
    write_json(out / "scores.json", scores)


def sampled(
    name: str, spec: EvaluateSpec, sampling: SamplingConfig, rows: list[Row], lm: RecordingLM, sampler: Sampler
) -> list[Row]:
    """The benchmark's questions answered `sampling.answers` times each, every sample a row of its own with a verdict.

    Greedy answers came first: the prompts are theirs.
    """
    by_sample = pass_at_k.sample_ids((row["id"] for row in rows), sampling.answers)
    prompts = {one: lm.prompts[row_id] for one, (row_id, _) in by_sample.items() if row_id in lm.prompts}
    decoding = Decoding(spec.config.max_new_tokens, sampling.temperature)
    folder = _scratch(spec, name) / "samples"
    made = sampler.complete(folder, decoding, list(by_sample), prompts, f"samples of {name}")
    samples = pass_at_k.joined(rows, {one["id"]: one for one in made}, sampling.answers)
    by_id = {row["id"]: row for row in rows}
    lm.judge([by_id[one["id"]] for one in samples], [one["text"] for one in samples])
    found = [verdict(by_id[one["id"]], one["text"]) for one in samples]
    return [one | {"correct": of.correct} | asdict(of) for one, of in zip(samples, found, strict=True)]


def completer(spec: EvaluateSpec, tokens: ChatTokens, sampler: Sampler) -> Complete:
    """Answers a benchmark's prompts with the backend that the config names; loads the model where one is missing."""
    config = spec.config
    if config.backend == "vllm":
        decoding = Decoding(config.max_new_tokens)
        return lambda name, ids, prompts: sampler.complete(
            _scratch(spec, name), decoding, ids, prompts, f"answers to {name}"
        )

    @cache
    def transformers() -> blocks.Generate:
        return transformers_generator(spec.model, tokens, spec.cuda, config)

    def generate(ids: Sequence[str], prompts: Sequence[Sequence[int]]) -> list[Completion]:
        return transformers()(ids, prompts)

    def complete(name: str, ids: Sequence[str], prompts: Mapping[str, Sequence[int]]) -> list[Row]:
        asked = {name: Asked(_scratch(spec, name), Decoding(config.max_new_tokens), ids, prompts)}
        return blocks.complete(asked, config.block, blocks.one_by_one(generate), f"answers to {name}")[name]

    return complete


def _scratch(spec: EvaluateSpec, name: str) -> Path:
    return spec.outs[name] / "scratch"


if __name__ == "__main__":
    main()
