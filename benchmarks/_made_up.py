"""Rows and a report of made-up runs, in the shapes that stages write; no number in them is a result."""

import random
from collections.abc import Mapping
from typing import Any

from benchmarks._store_writer import Writer
from tasks.report.schema.data import Backbone, ReportData, to_json
from tasks.report.schema.lineage_data import Edge, Graph, Node
from tasks.report.schema.row_data import Example, Version
from tasks.report.schema.run_data import Artifact as Reference
from tasks.report.schema.run_data import Averages, GrpoStep, LossPoint, Run, Score, TargetNLL, Targets
from tasks.report.schema.values import Estimate
from tasks.report.statistics.statistics import proportion
from tasks.runtime.store.store import Artifact

BENCHMARKS = {"math": ["nano_seen_kinds", "nano_new_kinds"], "general": ["nano_facts", "nano_words", "nano_lists"]}
QUESTIONS, ROWS = 240, 200


def rewrite_row(row: str, text: str) -> dict[str, Any]:
    return {"id": row, "text": f"{text} {row}", "finished": True, "tokens": 9}


def target_row(row: dict[str, Any], method: str, passed: bool, text: str) -> dict[str, Any]:
    """A row of a training set: a rewrite that passed, else the expert's solution."""
    rewritten, tried = method != "sft" and passed, method != "sft"
    return {
        "id": row["id"],
        "question": row["question"],
        "target": f"{text} {row['id']}" if rewritten else row["solution"],
        "kind": "rewrite" if rewritten else "expert",
        "verdict": verdict_of(row["id"], passed, text) if tried else None,
        "fallback_reason": "wrong" if tried and not passed else None,
    }


def verdict_of(row: str, passed: bool, text: str) -> dict[str, Any]:
    answer = {"verdict": "correct" if passed else "wrong", "reason": text, "extracted": text, "gold": text}
    return {
        "id": row,
        "passed": passed,
        "answer": answer,
        "reasoning": {"valid": passed, "first_wrong_step": text, "reason": text, "judge": "made up"}
        if passed
        else None,
    }


def answer_row(question: str, correct: bool, text: str) -> dict[str, Any]:
    return {
        "id": question,
        "correct": correct,
        "verdict": "correct" if correct else "wrong",
        "reason": text,
        "extracted": text,
        "gold": text,
        "subset": "",
        "finished": True,
        "tokens": 9,
        "text": text,
    }


def add_report(
    writer: Writer,
    chance: random.Random,
    method: str,
    seed: int,
    roles: Mapping[str, Artifact],
    base: Mapping[str, Artifact],
    backbone: Artifact,
    text: str,
    changed: Mapping[str, Any],
) -> Artifact:
    """report.json of a run and the base, about as large as a real one of two runs (95 kB)."""

    def scores() -> dict[str, Score]:
        found = {}
        for names in BENCHMARKS.values():
            for name in names:
                share = proportion(hits := chance.randrange(QUESTIONS), QUESTIONS)
                found[name] = Score(accuracy=share.rate, n=QUESTIONS, correct=hits, low=share.low, high=share.high)
        return found

    def averages() -> Averages:
        value = chance.random()
        return Averages(
            math=Estimate(value=value, low=value - 0.03, high=value + 0.03),
            general=Estimate(value=1 - value / 3, low=0.6, high=1.0),
        )

    references = {role: Reference(**one.model_dump()) for role, one in roles.items()}
    run = Run(
        method=method,
        seed=seed,
        scores=scores(),
        averages=averages(),
        tc_yield=proportion(160, 200),
        targets=Targets(kinds={"rewrite": 160, "expert": 40}),
        target_nll=TargetNLL(mean=Estimate(value=chance.random(), low=0.1, high=1.0), median=0.5, n=ROWS),
        loss=[LossPoint(step=n, loss=1 / n, epoch=n / 50, learning_rate=1e-3) for n in range(1, 101)],
        grpo=[GrpoStep(step=n, pass_rate=0.5, nll_passing=1.0, diversity=0.1, length=30.0) for n in range(40)],
        artifacts=references,
    )
    untrained = Run(
        method="base",
        scores=scores(),
        averages=averages(),
        artifacts={role: Reference(**one.model_dump()) for role, one in base.items()},
    )
    nodes = [Node(key=one.key, kind=one.kind, digest=one.digest) for one in roles.values()]
    data = ReportData(
        backbone=Backbone(name="tiny", digest=backbone.digest, nano=True),
        benchmarks=BENCHMARKS,
        base=untrained,
        runs=[run],
        examples=[
            Example(id=f"made_up/{n:05}", question=text * 8, versions=[Version(name="expert", text=text * 120)])
            for n in range(30)
        ],
        lineage=Graph(nodes=nodes, edges=[Edge(source=one.key, target=nodes[0].key, name="made") for one in nodes[1:]]),
    )
    inputs = {
        f"{role.split('/')[0]}.{method}/{seed}" + (f".{role.split('/')[1]}" if "/" in role else ""): one
        for role, one in roles.items()
    }
    inputs |= {f"scores.base.{role.split('/')[1]}": one for role, one in base.items()}
    return writer.add(
        "report",
        f"{method} {seed}",
        inputs,
        {"backbone": "tiny", "changed": dict(changed)},
        {"report.json": to_json(data), "report.html": f"<p>{method}</p>"},
        f"seed {seed}",
        f"tiny-{method}-seed-{seed}",
    )
