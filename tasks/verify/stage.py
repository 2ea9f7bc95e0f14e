"""Verify rewrites: the gate's verdict on each (section 3.5).

In:  rows      rows.jsonl: {"id", "question", "solution", "answer"}
     rewrites  rewrites.jsonl: {"id", "text", "finished"}
     backbone  pi_0's folder, where it is its own judge (kind `self`); else none, and then it is in no key
Out: verdicts.jsonl: {"id", "passed": true | false | null, "answer": {…}, "reasoning": {…} | null}
"""

import time
from collections import Counter
from pathlib import Path

from tasks.rows.jsonl import Row, RowError, read_rows, write_rows
from tasks.rows.memory import on_cores, reading
from tasks.runtime.progress.progress import report
from tasks.runtime.stage import Metrics, stage
from tasks.verify.fitness import require_fit, require_self_fit
from tasks.verify.gate import GateConfig
from tasks.verify.types import Candidate, JudgeItem, NoVerdict, Verdict
from tasks.verify.view import view

BLOCK = 2000  # rows verified between two reports of progress
ATTEMPTS = 3  # at rows for which the judge gave no verdict
PAUSE = 20.0  # seconds before the next attempt


def gpus(config: GateConfig) -> int:
    """Those of a judge's model that the stage starts itself."""
    return config.judge.gpus_to_start()


def identity(config: GateConfig) -> str | None:
    """What the verdicts depend on besides config and inputs: the version of a verifier other than math."""
    return config.verifier_identity()


def memory(config: GateConfig, *, backbone: Path | None = None, **_: Path) -> int:
    """Bytes that a judge which is pi_0 itself takes on a machine without GPUs."""
    return 0 if backbone is None else on_cores(backbone, "auto", reading)


@stage(version=3, gpus=gpus, memory=memory, identity=identity, shows=view)
def verify(config: GateConfig, out: Path, *, rows: Path, rewrites: Path, backbone: Path | None = None) -> Metrics:
    """The gate's verdict on every rewrite.

    Raises:
        ValueError: the judge is of kind `self` and no backbone is given.
        RowError: a rewrite of a row that is not there.
        NoVerdict: the judge could not be reached for some rows, after several attempts.
        UnfitJudge: the judge or the verifier refuses the rows' own solutions (fitness.py).
    """
    if config.asks_backbone and backbone is None:
        raise ValueError("gate.judge.kind=self: the stage verify needs the input backbone")
    require_fit(config, rows / "rows.jsonl")
    by_id = {row["id"]: row for row in read_rows(rows / "rows.jsonl", ["id", "question", "solution"])}
    candidates = []
    for rewrite in read_rows(rewrites / "rewrites.jsonl", ["id", "text", "finished"]):
        if (row := by_id.get(rewrite["id"])) is None:
            raise RowError(rewrites / "rewrites.jsonl", f"row {rewrite['id']}", "id", "is not among the rows")
        gold = row.get("answer") or row["solution"]
        candidates.append(Candidate(row["id"], row["question"], gold, rewrite["text"], rewrite["finished"]))
    verdicts: dict[str, Verdict] = {}
    with config.open(backbone) as verifier:
        require_self_fit(config, verifier.judge, [expert(row) for row in by_id.values()])
        for attempt in range(ATTEMPTS):
            left = [one for one in candidates if one.id not in verdicts or verdicts[one.id].passed is None]
            if not left:
                break
            if attempt:
                time.sleep(PAUSE)
            for start in range(0, len(left), BLOCK):
                block = left[start : start + BLOCK]
                verdicts |= {verdict.id: verdict for verdict in verifier(block)}
                report(len(candidates) - len(left) + start + len(block), len(candidates), "rewrites")
    missing = [verdict for verdict in verdicts.values() if verdict.passed is None]
    if missing:
        raise NoVerdict(
            f"{len(missing)} of {len(candidates)} rewrites got no verdict from the judge after {ATTEMPTS} attempts "
            f"(first: row {missing[0].id}: {missing[0].judges_reason}). "
            "Nothing was decided about them; mend the judge and run again."
        )
    write_rows(out / "verdicts.jsonl", (verdicts[one.id].row() for one in candidates))
    answers = Counter(verdict.answer.verdict for verdict in verdicts.values())
    passed = sum(verdict.passed is True for verdict in verdicts.values())
    return {"rewrites": len(candidates), "passed": passed, **{f"answer_{name}": n for name, n in answers.items()}}


def expert(row: Row) -> JudgeItem:
    """The expert's solution of a row, as a judge would be asked about it."""
    return JudgeItem(row["id"], row["question"], row.get("answer") or row["solution"], row["solution"])
