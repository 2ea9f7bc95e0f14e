"""D_R: one target a row, by the verify-fallback rule (eq. 14, Appendix D).

In:  rows.jsonl of the SFT split; rewrites and verdicts of its shards; for Mind the Gap self-solutions and theirs
Out: {"id": "…", "question": "…", "target": "…", "kind": "rewrite" | "self_solution" | "expert",
      "verdict": {…} | null, "fallback_reason": null | "wrong" | "reasoning" | "cut off" | …}

Joined by id: every row of the split appears once. Mind the Gap rewrites only what self-solving fails; here a
template rewrite of every row may exist (it is the same artifact as SDFT's) and is used for those rows alone.
"""

from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks.rows.jsonl import Row, RowError, read_rows, write_rows
from tasks.runtime.stage import Metrics, stage


class AssembleConfig(BaseModel):
    """How a row's target is chosen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fallback: bool = Field(
        True,
        description="Keep the expert's solution where no rewrite passes (eq. 14); off: leave such rows out (Table 4).",
    )


@stage(version=2)
def assemble(
    config: AssembleConfig,
    out: Path,
    *,
    rows: Path,
    rewrites: dict[str, Path] | None = None,
    rewrite_verdicts: dict[str, Path] | None = None,
    self_solutions: dict[str, Path] | None = None,
    self_verdicts: dict[str, Path] | None = None,
) -> Metrics:
    """Choose each row's target; counts kinds and reasons of fallback.

    Raises:
        RowError: a row has no rewrite or no verdict, or has one twice.
    """
    split = list(read_rows(rows / "rows.jsonl", ["id", "question", "solution"]))
    rewritten = _Candidates("rewrite", rewrites, rewrite_verdicts)
    solved = _Candidates("self_solution", self_solutions, self_verdicts)
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    assembled: list[Row] = []
    for row in split:
        chosen = solved.choose(row["id"]) or rewritten.choose(row["id"])
        reason = None if chosen else rewritten.reason(row["id"])
        kinds[chosen["kind"] if chosen else "expert"] += 1
        if reason:
            reasons[reason] += 1
        if chosen is None:
            if reason and not config.fallback:
                continue
            chosen = {"target": row["solution"], "kind": "expert", "verdict": rewritten.verdict(row["id"])}
        assembled.append({"id": row["id"], "question": row["question"]} | chosen | {"fallback_reason": reason})
    write_rows(out / "rows.jsonl", assembled)
    metrics: Metrics = {"rows": len(assembled), "kinds": dict(kinds), "fallback_reasons": dict(reasons)}
    if rewritten.texts:
        passed = sum(rewritten.passed(row["id"]) for row in split)
        metrics |= {"yield_passed": passed, "yield_of": len(split), "yield": passed / len(split)}
    return metrics


class _Candidates:
    """Candidate targets of one kind with their verdicts, by id."""

    def __init__(self, kind: str, texts: dict[str, Path] | None, verdicts: dict[str, Path] | None) -> None:
        self.kind = kind
        self.texts = _by_id(texts, "rewrites.jsonl")
        self.verdicts = _by_id(verdicts, "verdicts.jsonl")
        set_aside = [folder / "quarantine.jsonl" for folder in (texts or {}).values()]
        rows = (row for path in set_aside if path.exists() for row in read_rows(path, ["id", "reason"]))
        self.set_aside = {
            row["id"]: "special token" if "special token" in row["reason"] else "prompt too long" for row in rows
        }

    def verdict(self, row_id: str) -> Row | None:
        if not self.texts or row_id in self.set_aside:
            return None
        if row_id not in self.verdicts:
            raise RowError("verdicts.jsonl", f"row {row_id}", "id", f"no verdict for this row's {self.kind}")
        return self.verdicts[row_id]

    def passed(self, row_id: str) -> bool:
        verdict = self.verdict(row_id)
        return verdict is not None and verdict["passed"] is True

    def choose(self, row_id: str) -> Row | None:
        if not self.passed(row_id):
            return None
        return {"target": self.texts[row_id]["text"], "kind": self.kind, "verdict": self.verdicts[row_id]}

    def reason(self, row_id: str) -> str | None:
        """Why a row falls back to the expert's solution; None where nothing was to be rewritten."""
        if row_id in self.set_aside:
            return self.set_aside[row_id]
        verdict = self.verdict(row_id)
        if verdict is None:
            return None
        if not self.texts[row_id].get("finished", True):
            return "cut off"
        answer = verdict["answer"]["verdict"]
        return str(answer) if answer != "correct" else "reasoning"


def _by_id(folders: dict[str, Path] | None, name: str) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for folder in (folders or {}).values():
        for row in read_rows(folder / name, ["id"]):
            if row["id"] in found:
                raise RowError(folder / name, f"row {row['id']}", "id", "appears twice over the shards")
            found[row["id"]] = row
    return found
