"""D_R: one target a row, by the verify-fallback rule (eq. 14, Appendix D).

In:  rows.jsonl of the SFT split; rewrites and verdicts of its shards ("001"; of several samples a row "07-001"), their
     NLL where the likeliest is wanted; for Mind the Gap self-solutions and their verdicts
Out: {"id": "…", "question": "…", "target": "…", "kind": "rewrite" | "self_solution" | "expert",
      "verdict": {…} | null, "fallback_reason": null | "wrong" | "reasoning" | "cut off" | …}

Joined by id: every row of the split appears once. Mind the Gap rewrites only what self-solving fails; here a
template rewrite of every row may exist (it is the same artifact as SDFT's) and is used for those rows alone.
"""

from collections import Counter
from math import inf
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from tasks.rows.jsonl import Row, RowError, read_rows, write_rows
from tasks.runtime.stage import Metrics, stage


class AssembleConfig(BaseModel):
    """How a row's target is chosen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fallback: bool = Field(
        True,
        description="Keep the expert's solution where no rewrite passes (eq. 14); off: leave such rows out (Table 4).",
    )
    text: Literal["passing", "expert"] = Field(
        "passing",
        description="What a row is trained on whose rewrite or own solution passes: that, or the expert's solution all "
        "the same. With fallback off the second is the first's control: the same rows, the other text.",
        json_schema_extra={"key": "unless default"},
    )

    keep: SkipJsonSchema[int] = Field(
        1,
        ge=1,
        le=64,
        description="Most rewrites of a row that are trained on, of several samples: those that pass and differ.",
        json_schema_extra={"key": "unless default"},
    )

    @model_validator(mode="after")
    def _is_no_plain_sft(self) -> "AssembleConfig":
        if self.text == "expert" and self.fallback:
            raise ValueError("text expert with fallback is every row's expert solution: plain SFT. Set fallback=false")
        return self


@stage(version=2)
def assemble(
    config: AssembleConfig,
    out: Path,
    *,
    rows: Path,
    rewrites: dict[str, Path] | None = None,
    rewrite_verdicts: dict[str, Path] | None = None,
    rewrite_nll: dict[str, Path] | None = None,
    self_solutions: dict[str, Path] | None = None,
    self_verdicts: dict[str, Path] | None = None,
) -> Metrics:
    """Choose each row's target; counts kinds and reasons of fallback.

    Raises:
        RowError: a row has no rewrite or no verdict, or has one twice.
    """
    split = list(read_rows(rows / "rows.jsonl", ["id", "question", "solution"]))
    rewritten = _Candidates("rewrite", rewrites, rewrite_verdicts, rewrite_nll)
    solved = _Candidates("self_solution", self_solutions, self_verdicts)
    last = rewritten if rewritten.samples else solved  # what a row that falls back has failed at
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    assembled: list[Row] = []
    for row in split:
        chosen = solved.choose(row["id"]) or rewritten.choose(row["id"], config.keep)
        reason = None if chosen else last.reason(row["id"])
        if reason:
            reasons[reason] += 1
        if not chosen or config.text == "expert":
            chosen = [{"target": row["solution"], "kind": "expert", "verdict": last.verdict(row["id"])}]
        kinds.update(one["kind"] for one in chosen)
        if reason and not config.fallback:
            continue
        of = {name: row[name] for name in ("id", "question", "domain") if name in row}
        for number, one in enumerate(chosen, 1):
            called = {"id": f"{row['id']}/{number}"} if number > 1 else {}
            assembled.append(of | called | one | {"fallback_reason": reason})
    write_rows(out / "rows.jsonl", assembled)
    metrics: Metrics = {"rows": len(assembled), "kinds": dict(kinds), "fallback_reasons": dict(reasons)}
    if rewritten.samples:
        passed = sum(rewritten.passed(row["id"]) for row in split)
        metrics |= {"yield_passed": passed, "yield_of": len(split), "yield": passed / len(split)}
    return metrics


class _Candidates:
    """Candidate targets of one kind: of each row one a sample."""

    def __init__(
        self,
        kind: str,
        texts: dict[str, Path] | None,
        verdicts: dict[str, Path] | None,
        nll: dict[str, Path] | None = None,
    ) -> None:
        names = dict.fromkeys(_sample(name) for name in texts or {})
        self.samples = [_Sample(kind, *(_of(name, one) for one in (texts, verdicts, nll))) for name in names]

    def passed(self, row_id: str) -> bool:
        return any(sample.passed(row_id) for sample in self.samples)

    def choose(self, row_id: str, most: int = 1) -> list[Row]:
        """The likeliest that pass and differ; the first ones where their NLL is not known."""
        passing = [sample for sample in self.samples if sample.passed(row_id)]
        different: dict[str, Row] = {}
        for sample in sorted(passing, key=lambda sample: sample.nll_of(row_id)):
            target = sample.target(row_id)
            different.setdefault(target["target"], target)
        return list(different.values())[:most]

    def verdict(self, row_id: str) -> Row | None:
        """Of the first sample."""
        return self.samples[0].verdict(row_id) if self.samples else None

    def reason(self, row_id: str) -> str | None:
        """Why a row falls back to the expert, by the first sample; None where nothing was to be rewritten."""
        return self.samples[0].reason(row_id) if self.samples else None


def _sample(name: str) -> str:
    """ "07" of "07-001", "" of "001" """
    return name.rpartition("-")[0]


def _of(sample: str, folders: dict[str, Path] | None) -> dict[str, Path]:
    return {name: folder for name, folder in (folders or {}).items() if _sample(name) == sample}


class _Sample:
    """One candidate a row, with its verdict, by id."""

    def __init__(self, kind: str, texts: dict[str, Path], verdicts: dict[str, Path], nll: dict[str, Path]) -> None:
        self.kind = kind
        self.texts = _by_id(texts, "rewrites.jsonl")
        self.verdicts = _by_id(verdicts, "verdicts.jsonl")
        self.nll = _by_id(nll, "scores.jsonl")
        set_aside = [folder / "quarantine.jsonl" for folder in texts.values()]
        rows = (row for path in set_aside if path.exists() for row in read_rows(path, ["id", "reason"]))
        self.set_aside = {
            row["id"]: "special token" if "special token" in row["reason"] else "prompt too long" for row in rows
        }

    def verdict(self, row_id: str) -> Row | None:
        if row_id in self.set_aside:
            return None
        if row_id not in self.verdicts:
            raise RowError("verdicts.jsonl", f"row {row_id}", "id", f"no verdict for this row's {self.kind}")
        return self.verdicts[row_id]

    def passed(self, row_id: str) -> bool:
        verdict = self.verdict(row_id)
        return verdict is not None and verdict["passed"] is True

    def nll_of(self, row_id: str) -> float:
        """In nats per token; of a text that was not scored, as one too long for the context, infinite."""
        return float(self.nll[row_id]["nll"]) if row_id in self.nll else inf

    def target(self, row_id: str) -> Row:
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


def _by_id(folders: dict[str, Path], name: str) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for folder in folders.values():
        for row in read_rows(folder / name, ["id"]):
            if row["id"] in found:
                raise RowError(folder / name, f"row {row['id']}", "id", "appears twice over the shards")
            found[row["id"]] = row
    return found
