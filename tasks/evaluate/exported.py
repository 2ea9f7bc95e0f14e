"""A model's answers as other tools read them: lm-eval's own files, and CapTrack's layout.

In:  Measured("nano-sft-seed0", {"nano_words": ([rows], [answers])}, started=1795891931.7, seconds=31.2)
Out: lm-eval (0.4.13, --log_samples):  FOLDER/nano-sft-seed0/results_2026-11-28T19-32-11.700000.json
                                       FOLDER/nano-sft-seed0/samples_rewriting_agent_nano_words_2026-….jsonl
     CapTrack (thomsonreuters/captrack): FOLDER/model_responses/nano-sft-seed0/gsm8k_subset.jsonl
                                         {"id": "gsm8k/0", "outputs": "…", "gold": "18", "question": "…", …}

`arguments` hold the user turn, as lm-eval logs it where it applies no chat template; the model was asked with its own.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from pathlib import Path
from typing import Any

from tasks.evaluate import benchmark
from tasks.evaluate.benchmark import TASK_PREFIX
from tasks.evaluate.user_turn import user_turn
from tasks.rows.jsonl import Row, write_rows
from tasks.runtime.whole_file import write_json

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
class Measured:
    """One model's answers: by benchmark its rows and, in the same order, the answers to them."""

    model: str
    benchmarks: Mapping[str, tuple[Sequence[Row], Sequence[Row]]]
    started: float
    seconds: float
    max_new_tokens: int
    limit: int | None = None
    dtype: str = ""
    commit: str = ""


def lm_eval_files(measured: Measured, folder: Path) -> list[Path]:
    """Write the results and the samples of one model; returns the files."""
    at = datetime.fromtimestamp(measured.started).isoformat().replace(":", "-")
    home = folder / sanitized(measured.model)
    home.mkdir(parents=True, exist_ok=True)
    written, hashes = [], {}
    for name, (rows, answers) in measured.benchmarks.items():
        samples = [_sample(at_, row, answer, measured) for at_, (row, answer) in enumerate(_paired(rows, answers))]
        hashes[TASK_PREFIX + name] = _hash("".join(_hashes(one) for one in samples))
        written.append(home / f"samples_{TASK_PREFIX}{name}_{at}.jsonl")
        write_rows(written[-1], samples)
    written.append(home / f"results_{at}.json")
    write_json(written[-1], _results(measured) | {"task_hashes": hashes})
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
            for row, answer in _paired(rows, answers)
        ]
        written.append(home / f"{CAPTRACK.get(name, name)}.jsonl")
        write_rows(written[-1], lines)
    return written


FORMATS: dict[str, Callable[[Measured, Path], list[Path]]] = {"lm-eval": lm_eval_files, "captrack": captrack_files}


def sanitized(model: str) -> str:
    """A model's name as lm-eval makes a folder of it."""
    return re.sub(r"[\"<>:/|\\?*\[\]]+", "__", model)


def _paired(rows: Sequence[Row], answers: Sequence[Row]) -> list[tuple[Row, Row]]:
    if [row["id"] for row in rows] != [answer["id"] for answer in answers]:
        raise ValueError("answers are not to these rows, in this order")
    return list(zip(rows, answers, strict=True))


def _sample(number: int, row: Row, answer: Row, measured: Measured) -> dict[str, Any]:
    prompt = user_turn(row)
    settings = {"until": [], "do_sample": False, "max_gen_toks": measured.max_new_tokens}
    return {
        "doc_id": number,
        "doc": row,
        "target": row["answer"],
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": settings}},
        "resps": [[answer["text"]]],
        "filtered_resps": [answer["text"]],
        "filter": "none",
        "metrics": ["correct"],
        "doc_hash": _hash(json.dumps(row, indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(prompt),
        "target_hash": _hash(row["answer"]),
        "correct": float(answer["correct"]),
    }


def _results(measured: Measured) -> dict[str, Any]:
    tasks = {TASK_PREFIX + name: name for name in measured.benchmarks}
    results = {}
    for task, name in tasks.items():
        marks = [float(answer["correct"]) for answer in measured.benchmarks[name][1]]
        mean, n = sum(marks) / len(marks), len(marks)
        error = sqrt(mean * (1 - mean) / (n - 1)) if n > 1 else "N/A"  # lm-eval's mean_stderr
        results[task] = {"name": task, "alias": task, "sample_len": n, "correct,none": mean}
        results[task]["correct_stderr,none"] = error
    sizes = {task: results[task]["sample_len"] for task in tasks}
    return {
        "results": results,
        "group_subtasks": {},
        "configs": {task: benchmark.definition(name) | {"task": task} for task, name in tasks.items()},
        "versions": {task: benchmark.benchmark(name).version for task, name in tasks.items()},
        "n-shot": dict.fromkeys(tasks, 0),
        "higher_is_better": {task: {"correct": True} for task in tasks},
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
