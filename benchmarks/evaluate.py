"""The stage `evaluate` on nano's five benchmarks against lm-eval with its own vLLM model, on the same tasks.

    {"name": "evaluate", "value": 31.2, "unit": "s of cores", "baseline": {"name": "bare lm-eval", "value": 30.9},
     "ratio": 1.01, "better": "lower", "spread": [1.0, 1.03], "n": 3, "most_apart": 0.0}

Starts and the judging of answers included. `most_apart`: the largest difference of an accuracy between the two. The
stage also keeps answers with their verdicts, and what a killed attempt had finished. By turns; seconds of cores are
hardly changed by what else the machine does.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._alone import alone
from benchmarks._bare_rewrite import MODEL
from benchmarks._beside import bare, tell

BENCHMARKS = ("nano_seen_kinds", "nano_new_kinds", "nano_facts", "nano_words", "nano_lists")
MAX_NEW_TOKENS, REPEATS = 96, 2


def main() -> None:
    runs: dict[str, list[dict[str, float]]] = {"stage": [], "bare": []}
    work: dict[str, Callable[[Path], Any]] = {"stage": _stage, "bare": _bare}
    apart = 0.0
    with tempfile.TemporaryDirectory() as name:
        for number in range(REPEATS):
            scores = {}
            for which, made in runs.items():
                figures, scores[which] = alone(work[which], Path(name) / f"{which}{number}")
                made.append(figures)
                print(f"{which}: {figures} {scores[which]}", file=sys.stderr, flush=True)
            ours, theirs = scores["stage"], scores["bare"]
            apart = max(apart, *(abs(ours[benchmark] - theirs[benchmark]) for benchmark in BENCHMARKS))
    ours, theirs = ([one["/cores"] for one in runs[which]] for which in ("stage", "bare"))
    tell("evaluate", "s of cores", "bare lm-eval", ours, theirs, better="lower", most_apart=apart)


def _stage(out: Path) -> dict[str, float]:
    from tasks.evaluate.config import EvaluateConfig
    from tasks.evaluate.evaluate import evaluate
    from tasks.runtime.engines import engine

    config = EvaluateConfig(benchmarks=BENCHMARKS, max_new_tokens=MAX_NEW_TOKENS)
    outs = {name: out / name for name in BENCHMARKS}
    with engine.attempt([], None, None, [0]):
        made = evaluate.plain(config.by_benchmark(), outs, model=MODEL)
    return {name: made[name]["accuracy"] for name in BENCHMARKS}


def _bare(out: Path) -> dict[str, float]:
    from tasks.evaluate import benchmark
    from tasks.rows.jsonl import write_rows

    out.mkdir(parents=True)
    for name in BENCHMARKS:
        write_rows(out / f"{name}.jsonl", benchmark.rows(name))
    bare("benchmarks._bare_lm_eval", str(out), str(out / "scores.json"), str(MAX_NEW_TOKENS), *BENCHMARKS)
    scores: dict[str, float] = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    return scores


if __name__ == "__main__":
    main()
