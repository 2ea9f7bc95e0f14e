"""D_R: one target a row, by the verify-fallback rule (eq. 14, Appendix D).

In:  rows.jsonl of the SFT split; rewrites and verdicts of its shards ("001"; of several samples a row "07-001"), their
     NLL or contributions to diversity where one is chosen by them; for Mind the Gap self-solutions and their verdicts;
     of matched arms the scores of what passes and of the experts' solutions (matched.py)
Out: {"id": "…", "question": "…", "target": "…", "kind": "rewrite" | "self_solution" | "expert",
      "verdict": {…} | null, "fallback_reason": null | "wrong" | "reasoning" | "cut off" | …}

Joined by id: every row of the split appears once. Mind the Gap rewrites only what self-solving fails; here a
template rewrite of every row may exist (it is the same artifact as SDFT's) and is used for those rows alone.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from tasks.assemble.candidates import Candidates
from tasks.assemble.matched import Match, Text, matched
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.runtime.stage import Metrics, stage


class AssembleConfig(BaseModel):
    """How a row's target is chosen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fallback: bool = Field(
        True,
        description="Keep the expert's solution where no rewrite passes (eq. 14); off: leave such rows out (Table 4).",
    )
    text: Text = Field(
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

    match: SkipJsonSchema[Match | None] = Field(
        None,
        description="Only rows whose text that passes is matched by an expert's, within a tenth, in tokens or in NLL "
        "under pi_0; with text expert the experts' of the same matches. Fallback is off.",
        json_schema_extra={"key": "unless default"},
    )

    @model_validator(mode="after")
    def _is_no_plain_sft(self) -> "AssembleConfig":
        if self.text == "expert" and self.fallback:
            raise ValueError("text expert with fallback is every row's expert solution: plain SFT. Set fallback=false")
        if self.match and self.fallback:
            raise ValueError(f"match {self.match} is of rows whose rewrite passes. Set fallback=false")
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
    rewrite_diversity: Path | None = None,
    self_solutions: dict[str, Path] | None = None,
    self_verdicts: dict[str, Path] | None = None,
    passing_nll: Path | None = None,
    expert_nll: Path | None = None,
) -> Metrics:
    """Choose each row's target; counts kinds and reasons of fallback.

    Raises:
        RowError: a row has no rewrite or no verdict, or has one twice.
        NothingMatches: of matched arms no row is left.
    """
    kept = matched(config.match, config.text, passing_nll, expert_nll) if config.match else None
    rewritten = Candidates("rewrite", rewrites, rewrite_verdicts, rewrite_nll, rewrite_diversity)
    solved = Candidates("self_solution", self_solutions, self_verdicts)
    last = rewritten if rewritten.samples else solved  # what a row that falls back has failed at
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    passed: Counter[bool] = Counter()

    def assembled() -> Iterator[Row]:
        """Row by row: of the split and of what is written none is kept."""
        for row in read_rows(rows / "rows.jsonl", ["id", "question", "solution"]):
            chosen = solved.choose(row["id"]) or rewritten.choose(row["id"], config.keep)
            reason = None if chosen else last.reason(row["id"])
            if reason:
                reasons[reason] += 1
            if not chosen or config.text == "expert":
                chosen = [{"target": row["solution"], "kind": "expert", "verdict": last.verdict(row["id"])}]
            kinds.update(one["kind"] for one in chosen)
            if rewritten.samples:
                passed[bool(rewritten.passed(row["id"]))] += 1
            if (reason and not config.fallback) or (kept is not None and row["id"] not in kept):
                continue
            of = {name: row[name] for name in ("id", "question", "domain") if name in row}
            for number, one in enumerate(chosen, 1):
                called = {"id": f"{row['id']}/{number}"} if number > 1 else {}
                yield of | called | one | {"fallback_reason": reason}

    written = write_rows(out / "rows.jsonl", assembled())
    metrics: Metrics = {"rows": written, "kinds": dict(kinds), "fallback_reasons": dict(reasons)}
    if rewritten.samples:
        every = sum(passed.values())
        metrics |= {"yield_passed": passed[True], "yield_of": every, "yield": passed[True] / every}
    return metrics
