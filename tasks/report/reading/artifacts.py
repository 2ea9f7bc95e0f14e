"""What a report reads from the folders of artifacts, one function a kind.

evaluate     [<benchmark>/]scores.json, answers.jsonl {"id", "correct", …}, samples.jsonl {"id", "sample", "correct", …}
assemble     rows.jsonl {"id", "question", "target", "kind", "verdict", "fallback_reason"}
score        scores.jsonl {"id", "nll", "tokens"}
finetune     loss.jsonl {"step", "epoch", "loss", "learning_rate"}
train_agent  steps.jsonl, a row a GRPO step
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tasks.evaluate.pass_at_k import by_question
from tasks.report.schema.row_data import Quarantine
from tasks.report.schema.run_data import GrpoStep, LossPoint, Score, Targets
from tasks.report.statistics.statistics import wilson
from tasks.rows.jsonl import Row, read_rows

# Names of tasks/train_agent/step_log.py.
_STEP_FIGURES = {"pass_rate": "pass_rate", "nll_passing": "nll", "diversity": "diversity", "length": "length"}

# Metrics of manifests that count rows a stage left out, and what the page calls them.
SET_ASIDE = {
    "quarantined": "unusable",
    "bad": "unusable",
    "duplicates": "duplicates",
    "other_mode": "no plain-text solution",
    "overlong": "longer than the limit",
    "too_long": "longer than the limit",
    "in_a_benchmark": "question of a benchmark",
    "shares_most_words_with_a_benchmark": "holds a benchmark's question",
    "near_duplicates": "nearly the same as another row",
    "sft_questions_left_out": "question of an SFT row",
    "prompt_too_long": "prompt longer than the limit",
    "skipped": "not scored",
    "unverifiable_left_out": "answer cannot be verified",
}


class Evaluated(NamedTuple):
    """One benchmark's folder as it was read, once: what scores.json says, and the rows of answers.jsonl."""

    folder: Path
    said: Row
    answers: list[Row]

    @property
    def benchmark(self) -> str:
        return str(self.said["benchmark"])


class Scored(NamedTuple):
    """One benchmark's score, and by row id 1 or 0, and the group of rows that come in groups."""

    score: Score
    correct: dict[str, float]
    clusters: dict[str, str]


class Sampled(NamedTuple):
    """One benchmark's samples: by question how many there are, and how many of them are right."""

    temperature: float
    right: dict[str, tuple[int, int]]


def labels(ids: Mapping[str, Sequence[str]], clusters: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """The group of each row in the order of `ids`, by benchmark; a row without one is its own."""
    return {name: [clusters[name].get(row, row) for row in rows] for name, rows in ids.items() if clusters.get(name)}


def evaluated(folder: Path) -> Iterator[Evaluated]:
    """The benchmarks of a folder that holds one, or a folder for each."""
    own = folder / "scores.json"
    for file in [own] if own.exists() else sorted(folder.glob("*/scores.json")):
        rows = list(read_rows(file.with_name("answers.jsonl"), ["id", "correct"]))
        yield Evaluated(file.parent, json.loads(file.read_text(encoding="utf-8")), rows)


def right(of: Evaluated) -> dict[str, float]:
    """By row id 1 where the greedy answer is right, else 0."""
    return {row["id"]: float(row["correct"]) for row in of.answers}


def clusters(of: Evaluated) -> dict[str, str]:
    """By row id the group of rows that come in groups."""
    return {row["id"]: row["cluster"] for row in of.answers if row.get("cluster")}


def scored(of: Evaluated, confidence: float) -> Scored:
    """Its greedy answers."""
    correct = right(of)
    n, hits = len(correct), int(sum(correct.values()))
    low, high = wilson(hits, n, confidence)
    score = Score(
        accuracy=hits / n if n else 0.0,
        n=n,
        correct=hits,
        low=low,
        high=high,
        undecided=of.said.get("undecided", 0),
        truncated=of.said.get("truncated", 0),
    )
    return Scored(score, correct, clusters(of))


def sampled(of: Evaluated) -> Sampled | None:
    """Its sampled answers, for pass@k; None where there are none."""
    samples = of.folder / "samples.jsonl"
    if not samples.exists():
        return None
    return Sampled(of.said["temperature"], by_question(read_rows(samples, ["id", "correct"])))


def dataset(folder: Path) -> dict[str, Row]:
    """The assembled rows by id."""
    return {row["id"]: row for row in read_rows(folder / "rows.jsonl", ["id", "target", "kind"])}


def targets(rows: Mapping[str, Row]) -> Targets:
    """Kinds of the targets and reasons of falling back."""
    reasons = Counter(str(row["fallback_reason"]) for row in rows.values() if row.get("fallback_reason"))
    return Targets(kinds=dict(Counter(row["kind"] for row in rows.values())), fallback_reasons=dict(reasons))


def own_yield(metrics: Mapping[str, Any]) -> tuple[int, int] | None:
    """Rewrites of the method's own that passed, and how many it asked for (Table 2); None where it has none.

    Where pi_0's own solutions go first (Mind the Gap) it asks for rewrites of the other rows alone; that a rewrite of
    every row lies in the store, SDFT's, is no part of it.
    """
    if "yield_of" not in metrics:
        return None
    kinds = metrics.get("kinds") or {}
    if not kinds.get("self_solution"):
        return metrics["yield_passed"], metrics["yield_of"]
    passed = kinds.get("rewrite", 0)
    return passed, passed + sum((metrics.get("fallback_reasons") or {}).values())


def nll(folder: Path) -> dict[str, float]:
    """NLL in nats per token by row id; rows without a finite one are left out (the stage has counted them)."""
    found = {row["id"]: row["nll"] for row in read_rows(folder / "scores.jsonl", ["id", "nll"])}
    return {key: float(value) for key, value in found.items() if value is not None and math.isfinite(value)}


def loss(folder: Path) -> list[LossPoint]:
    """The SFT loss curve."""
    names = ("step", "epoch", "loss", "learning_rate", "grad_norm")
    rows = read_rows(folder / "loss.jsonl", ["step", "loss"])
    return [LossPoint(**{name: _finite(row.get(name)) for name in names}) for row in rows]


def grpo(folder: Path) -> list[GrpoStep]:
    """The GRPO curves; a figure that a step did not log stays null."""
    steps = {}
    for row in read_rows(folder / "steps.jsonl", ["step"]):
        figures = {field: _finite(row.get(name)) for field, name in _STEP_FIGURES.items()}
        steps[row["step"]] = GrpoStep(step=row["step"], **figures)  # a step logged again counts as logged last
    return [steps[step] for step in sorted(steps)]


def set_aside(manifest: Mapping[str, Any]) -> Quarantine | None:
    """Rows that a stage left out, by its manifest's metrics; None where there are none."""
    metrics = manifest.get("metrics") or {}
    reasons: Counter[str] = Counter()
    for name, reason in SET_ASIDE.items():
        if isinstance(metrics.get(name), int) and metrics[name] > 0:
            reasons[reason] += metrics[name]
    if not reasons:
        return None
    total = metrics.get("read", metrics.get("rows"))
    return Quarantine(
        stage=manifest["kind"],
        key=manifest["key"],
        rows=sum(reasons.values()),
        of=total if isinstance(total, int) and total >= sum(reasons.values()) else None,
        reasons=dict(reasons),
    )


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
