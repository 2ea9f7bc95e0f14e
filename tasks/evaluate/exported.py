"""A model's answers as other tools read them: lm-eval's own files, and CapTrack's layout.

In:  Measured("nano-sft-seed0", {"nano_words": ([rows], [answers])}, started=1795891931.7, seconds=31.2)
Out: lm-eval (0.4.13, --log_samples):  FOLDER/nano-sft-seed0/results_2026-11-28T19-32-11.700000.json
                                       FOLDER/nano-sft-seed0/samples_rewriting_agent_nano_words_2026-….jsonl
     CapTrack (thomsonreuters/captrack): FOLDER/model_responses/nano-sft-seed0/gsm8k_subset.jsonl
                                         {"id": "gsm8k/0", "outputs": "…", "gold": "18", "question": "…", …}

Where answers were sampled, they are a task of their own, rewriting_agent_gsm8k_sampled, with pass@k and all of a
question's samples in `resps`, as lm-eval has them of a task with `repeats`. Options that were compared by their
likelihood are requests of their own, [log-likelihood in nats, is_greedy] each, and their metric is `acc`; is_greedy is
"None" in answers that were stored without it. `arguments` hold the user turn, as lm-eval logs it where it applies no
chat template; the model was asked with its own.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from pathlib import Path
from typing import Any

from tasks.evaluate import benchmark
from tasks.evaluate.benchmark import TASK_PREFIX
from tasks.evaluate.measured import Measured, paired, sanitized
from tasks.evaluate.pass_at_k import depths, pass_at_k
from tasks.evaluate.readers import LETTERS
from tasks.evaluate.user_turn import boxed, user_turn
from tasks.rows.jsonl import Row, write_rows
from tasks.runtime.files.whole_file import write_json

# What CapTrack calls a benchmark that is one of ours; others keep their own name.
CAPTRACK = {
    "mmlu_pro": "mmlu_pro_subset",
    "gsm8k": "gsm8k_subset",
    "math500": "math_subset",
    "hellaswag": "hellaswag_subset",
    "winogrande": "winogrande_subset",
    "truthfulqa": "truthfulqa_full",
    "ifeval": "ifeval_subset",
}


@dataclass(frozen=True)
class _Request:
    """What stands behind the prompt, the settings of an answer or an option, and what the model gave, once or often."""

    argument: Any
    responses: Sequence[Any]


@dataclass(frozen=True)
class _Task:
    """What lm-eval calls a task: of each row its requests and a number a metric."""

    name: str
    benchmark: str
    rows: Sequence[Row]
    targets: Sequence[str]
    requests: Sequence[Sequence[_Request]]
    metrics: Sequence[Mapping[str, float]]
    config: dict[str, Any]  # what it says otherwise than the benchmark's file


def lm_eval_files(measured: Measured, folder: Path) -> list[Path]:
    """Write the results and the samples of one model; returns the files."""
    at = datetime.fromtimestamp(measured.started).isoformat().replace(":", "-")
    home = folder / sanitized(measured.model)
    home.mkdir(parents=True, exist_ok=True)
    written, hashes = [], {}
    tasks = list(_tasks(measured))
    for task in tasks:
        samples = [_sample(task, number) for number in range(len(task.rows))]
        hashes[task.name] = _hash("".join(_hashes(one) for one in samples))
        written.append(home / f"samples_{task.name}_{at}.jsonl")
        write_rows(written[-1], samples)
    written.append(home / f"results_{at}.json")
    write_json(written[-1], _results(measured, tasks) | {"task_hashes": hashes})
    return written


def captrack_files(measured: Measured, folder: Path) -> list[Path]:
    """Write one model's responses, a file a benchmark; returns the files."""
    home = folder / "model_responses" / sanitized(measured.model)
    home.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (rows, answers) in measured.benchmarks.items():
        lines = [
            {"id": row["id"], "question": row["question"], "choices": row["options"], "gold": row["answer"]}
            | {"subset": row["subset"], "outputs": answer["text"], "correct": bool(answer["correct"])}
            for row, answer in paired(rows, answers)
        ]
        written.append(home / f"{CAPTRACK.get(name, name)}.jsonl")
        write_rows(written[-1], lines)
    return written


FORMATS: dict[str, Callable[[Measured, Path], list[Path]]] = {"lm-eval": lm_eval_files, "captrack": captrack_files}


def _tasks(measured: Measured) -> Iterator[_Task]:
    """Every benchmark, and behind it its samples where it has any."""
    greedy = {"until": [], "do_sample": False, "max_gen_toks": measured.max_new_tokens}
    for name, (rows, answers) in measured.benchmarks.items():
        pairs = paired(rows, answers)
        if benchmark.benchmark(name).likelihood:
            yield _compared(name, pairs)
            continue
        targets = [row["answer"] for row in rows]
        texts = [[_Request(greedy, [answer["text"]])] for answer in answers]
        marks = [{"correct": float(answer["correct"])} for answer in answers]
        yield _Task(TASK_PREFIX + name, name, rows, targets, texts, marks, {})
        if name in measured.samples:
            temperature, samples = measured.samples[name]
            by_id: dict[str, list[Row]] = {row["id"]: [] for row in rows}
            for one in samples:
                by_id[one["id"]].append(one)
            of = list(by_id.values())
            counted = [(len(ones), sum(bool(one["correct"]) for one in ones)) for ones in of]
            sampled = greedy | {"do_sample": True, "temperature": temperature}
            yield _Task(
                f"{TASK_PREFIX}{name}_sampled",
                name,
                rows,
                targets,
                [[_Request(sampled, [one["text"] for one in ones])] for ones in of],
                [{f"pass@{k}": pass_at_k(n, right, k) for k in depths(n)} for n, right in counted],
                {"repeats": len(of[0]), "generation_kwargs": sampled},
            )


def _compared(name: str, pairs: Sequence[tuple[Row, Row]]) -> _Task:
    """Options by their likelihood, as lm-eval's `multiple_choice` has them."""
    rows = [row for row, _ in pairs]
    return _Task(
        TASK_PREFIX + name,
        name,
        rows,
        [str(LETTERS.index(row["answer"])) for row in rows],
        [[_option(answer, boxed(letter)) for letter in LETTERS[: len(row["options"])]] for row, answer in pairs],
        [{"acc": float(answer["correct"])} for _, answer in pairs],
        {"metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}]},
    )


def _option(answer: Row, text: str) -> _Request:
    """One option; of a prompt that was too long to be asked none has a likelihood."""
    is_greedy = text in answer["greedy"] if "greedy" in answer else None
    return _Request(text, [[str(answer["likelihoods"].get(text, float("-inf"))), str(is_greedy)]])


def _sample(task: _Task, number: int) -> dict[str, Any]:
    row, target = task.rows[number], task.targets[number]
    requests, metrics = task.requests[number], task.metrics[number]
    prompt = user_turn(row)
    responses = [list(one.responses) for one in requests]
    return {
        "doc_id": number,
        "doc": row,
        "target": target,
        "arguments": {f"gen_args_{at}": {"arg_0": prompt, "arg_1": one.argument} for at, one in enumerate(requests)},
        "resps": responses,
        "filtered_resps": [one[0] if len(one) == 1 else one for one in responses],
        "filter": "none",
        "metrics": list(metrics),
        "doc_hash": _hash(json.dumps(row, indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(prompt),
        "target_hash": _hash(target),
        **metrics,
    }


def _results(measured: Measured, tasks: Sequence[_Task]) -> dict[str, Any]:
    results: dict[str, dict[str, Any]] = {}
    for task in tasks:
        n = len(task.rows)
        results[task.name] = {"name": task.name, "alias": task.name, "sample_len": n}
        for metric in task.metrics[0]:
            values = [one[metric] for one in task.metrics]
            mean = sum(values) / n
            # lm-eval's mean_stderr
            error = sqrt(sum((value - mean) ** 2 for value in values) / (n - 1) / n) if n > 1 else "N/A"
            results[task.name] |= {f"{metric},none": mean, f"{metric}_stderr,none": error}
    sizes = {task.name: len(task.rows) for task in tasks}
    return {
        "results": results,
        "group_subtasks": {},
        "configs": {
            task.name: benchmark.definition(task.benchmark) | {"task": task.name} | task.config for task in tasks
        },
        "versions": {task.name: benchmark.benchmark(task.benchmark).version for task in tasks},
        "n-shot": dict.fromkeys(sizes, 0),
        "higher_is_better": {task.name: dict.fromkeys(task.metrics[0], True) for task in tasks},
        "n-samples": {task: {"original": size, "effective": size} for task, size in sizes.items()},
        "config": {
            "model": "rewriting-agent",
            "model_args": {"pretrained": measured.model},
            "model_dtype": measured.dtype,
            "limit": measured.limit,
            "gen_kwargs": {"max_gen_toks": measured.max_new_tokens},
        },
        "git_hash": measured.commit or None,
        "date": measured.started,
        "model_source": "rewriting-agent",
        "model_name": measured.model,
        "model_name_sanitized": sanitized(measured.model),
        "system_instruction": None,
        "total_evaluation_time_seconds": str(measured.seconds),
    }


def _hashes(sample: Mapping[str, Any]) -> str:
    return str(sample["doc_hash"] + sample["prompt_hash"] + sample["target_hash"])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
