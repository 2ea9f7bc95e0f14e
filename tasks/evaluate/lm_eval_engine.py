"""The evaluation engine: lm-eval over all benchmarks that are missing for a model, with one queue of its engines.

In:  a spec (tasks/evaluate/spec.py): a model, and rows {"id", "question", "answer", "options", "subset"} a benchmark
Out: per benchmark answers.jsonl  {"id", "correct", "verdict", "reason", "extracted", "gold", "finished", "text", …}
                   scores.json    {"benchmark", "n", "correct", "accuracy", "low", "high", "undecided", …}
                   samples.jsonl  {"id", "sample", "correct", …}, where the config samples answers for pass@k

Questions of all benchmarks wait together, so that none ends with an engine that is nearly idle; each answer is kept as
it ends. scores.json is written last: a benchmark that has it is done.
"""

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict
from functools import cache
from typing import Any

import lm_eval
from lm_eval.tasks import TaskManager

from tasks.evaluate import pass_at_k
from tasks.evaluate.benchmark import FOLDER, TASK_PREFIX, benchmark
from tasks.evaluate.config import SamplingConfig
from tasks.evaluate.likelihood import Likelihood
from tasks.evaluate.lm import Complete, Questions, RecordingLM, transformers_generator
from tasks.evaluate.score import BESIDE, judge, opened, summary, verdict
from tasks.evaluate.spec import EvaluateSpec
from tasks.generation import blocks
from tasks.generation.asked import Asked
from tasks.generation.sampler import Sampler
from tasks.generation.vllm_sampling import Decoding
from tasks.rows.context import context_for
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens
from tasks.runtime.engines.dealing import own_hand, several
from tasks.runtime.engines.spec import read_spec
from tasks.runtime.files.whole_file import write_json
from tasks.verify.verifiers.registry import MATH

SAMPLES = "samples of "  # and a benchmark's name: what its samples are asked and told as
LONGEST_PROMPT = 16384  # no benchmark here comes near; it keeps vLLM's context small for models with a long one


def main() -> None:
    """Ask all benchmarks that are missing, then write each of them."""
    spec = read_spec(EvaluateSpec)
    missing = [name for name, out in spec.outs.items() if not (out / "scores.json").exists()]
    tokens = ChatTokens(spec.model)
    context = context_for(spec.model, LONGEST_PROMPT, spec.config.max_new_tokens)
    if (hand := own_hand()) is not None:
        engine(spec, context).serve(hand)
        return
    with ExitStack() as stack:
        # Started before hours of answers: a sandbox that cannot be had is told now.
        kinds = {benchmark(name).verifier for name in missing}
        verifiers = {kind: stack.enter_context(opened(kind, spec.config.code_sandbox)) for kind in sorted(kinds)}
        lm = RecordingLM(
            tokens,
            completer(spec, tokens, context),
            lambda docs, texts: judge(docs, texts, verifiers[docs[0].get("verifier", MATH)]),
            longest_prompt=context - spec.config.max_new_tokens,
            likelihood=Likelihood(spec.model, spec.config.dtype, spec.cuda),
        )
        metadata = {"rows": str(spec.rows.resolve())}
        results: Any = lm_eval.simple_evaluate(
            model=lm,
            tasks=[TASK_PREFIX + name for name in missing],
            task_manager=TaskManager(include_path=str(FOLDER), include_defaults=False, metadata=metadata),
            apply_chat_template=True,
            gen_kwargs={"max_gen_toks": spec.config.max_new_tokens},
            log_samples=False,
            bootstrap_iters=0,
        )
        for name in missing:
            write(name, spec, lm, results["results"][TASK_PREFIX + name]["correct,none"])


def write(name: str, spec: EvaluateSpec, lm: RecordingLM, reported: float) -> None:
    """Leave a benchmark's answers and scores in its folder.

    Args:
        reported: its accuracy by lm-eval.

    Raises:
        RuntimeError: that is not the accuracy of the answers.
    """
    rows = list(read_rows(spec.rows / f"{name}.jsonl"))
    answers, verdicts = [], []
    for row in rows:
        answer = lm.answers[name][row["id"]]
        found = verdict(row, answer["text"])
        verdicts.append(found)
        compared: Row = {field: answer[field] for field in ("likelihoods", "greedy") if field in answer}
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
                **compared,
            }
        )
    scores = summary(name, answers) | {"dtype": resolve(spec.config.dtype, spec.model, spec.cuda)}
    if beside := BESIDE.get(benchmark(name).verifier):
        scores |= beside([row["answer"] for row in rows], verdicts)
    if abs(reported - scores["accuracy"]) > 1e-9:
        raise RuntimeError(f"{name}: lm-eval reports accuracy {reported}, the answers give {scores['accuracy']}")
    out = spec.outs[name]
    out.mkdir(parents=True, exist_ok=True)
    write_rows(out / "answers.jsonl", answers)
    if sampling := spec.config.sampling_of(name):
        samples = judged(rows, lm.made[SAMPLES + name], sampling, lm)
        write_rows(out / "samples.jsonl", samples)
        scores |= pass_at_k.summary(samples) | {"temperature": sampling.temperature}
    write_json(out / "scores.json", scores)


def judged(rows: list[Row], made: list[Row], sampling: SamplingConfig, lm: RecordingLM) -> list[Row]:
    """A benchmark's questions answered `sampling.answers` times each, every sample a row of its own with a verdict."""
    samples = pass_at_k.joined(rows, {one["id"]: one for one in made}, sampling.answers)
    by_id = {row["id"]: row for row in rows}
    lm.judge([by_id[one["id"]] for one in samples], [one["text"] for one in samples])
    found = [verdict(by_id[one["id"]], one["text"]) for one in samples]
    return [one | {"correct": of.correct} | asdict(of) for one, of in zip(samples, found, strict=True)]


def engine(spec: EvaluateSpec, context: int) -> Sampler:
    """vLLM with the model, not started."""
    return Sampler(spec.model, spec.config, context, spec.cuda, spec.config.dtype)


def completer(spec: EvaluateSpec, tokens: ChatTokens, context: int) -> Complete:
    """Answers questions with the backend that the config names; loads the model where an answer is missing."""
    config = spec.config
    if config.backend == "vllm":
        sampler = engine(spec, context)
        sampler.workers = several("tasks.evaluate.lm_eval_engine", spec.engines)

        def complete(questions: Mapping[str, Questions]) -> dict[str, list[Row]]:
            with closing(sampler):
                return sampler.complete_all(asked(spec, questions), "answers")

        return complete

    @cache
    def transformers() -> blocks.Generate:
        return transformers_generator(spec.model, tokens, spec.cuda, config)

    answers = blocks.one_by_one(lambda ids, prompts: transformers()(ids, prompts))
    return lambda questions: blocks.complete(asked(spec, questions), config.block, answers, "answers")


def asked(spec: EvaluateSpec, questions: Mapping[str, Questions]) -> dict[str, Asked]:
    """What is asked for each benchmark: its greedy answers and, where it is sampled, its samples under `SAMPLES`."""
    config, sets = spec.config, dict[str, Asked]()
    for name, one in questions.items():
        scratch = spec.outs[name] / "scratch"
        sets[name] = Asked(scratch, Decoding(config.max_new_tokens), one.ids, one.prompts, told=True)
        if sampling := config.sampling_of(name):
            of = pass_at_k.sample_ids(one.ids, sampling.answers)
            prompts = {key: one.prompts[row_id] for key, (row_id, _) in of.items() if row_id in one.prompts}
            decoding = Decoding(config.max_new_tokens, sampling.temperature)
            sets[SAMPLES + name] = Asked(scratch / "samples", decoding, list(of), prompts, told=True)
    return sets


if __name__ == "__main__":
    main()
