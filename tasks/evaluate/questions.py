"""The benchmarks' questions, kept apart from what is trained on.

Out: questions.jsonl {"id", "benchmark", "question"}
"""

from pathlib import Path

from tasks.evaluate import benchmark
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.evaluate import identity
from tasks.rows.jsonl import write_rows
from tasks.runtime.stage import Metrics, stage


@stage(version=1, identity=identity)
def questions(config: EvaluateConfig, out: Path) -> Metrics:
    """Write every benchmark's questions, so that the sample can leave them out."""
    rows = [
        {"id": row["id"], "benchmark": name, "question": row["question"]}
        for name in config.benchmarks
        for row in benchmark.rows(name, config.benchmark_data)
    ]
    return {"questions": write_rows(out / "questions.jsonl", rows), "benchmarks": len(config.benchmarks)}
