"""The scoring engine: rows in, one NLL each out, in blocks that processes take as they are free and a killed attempt
need not repeat; no more than a block of rows is in memory (of rewrites, the questions of all).

In:  a spec (tasks/score/spec.py)
Out: scores.jsonl {"id", "nll", "tokens"}, skipped.jsonl {"id", "reason"}, scratch/metrics.json
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np

from tasks.rows.context import longest_context
from tasks.rows.jsonl import Row, RowError, read_rows, write_rows
from tasks.rows.precision import resolve
from tasks.rows.prompts import domain_of
from tasks.rows.tokens import ChatTokens
from tasks.runtime.engines.dealing import own_hand, several
from tasks.runtime.engines.spec import read_spec, write_metrics
from tasks.runtime.files.whole_file import write_json
from tasks.score.blocks import lay_out, score_block, score_blocks, scored
from tasks.score.load import load_backbone
from tasks.score.nll import NLLScorer, Score, Target, misfit
from tasks.score.spec import ScoreSpec
from tasks.score.vllm_nll import load_vllm, vllm_log_likelihoods

BLOCK = 512  # rows; a block is packed, or sorted by length, by itself: fixed blocks give fixed batches and equal bytes
NO_TARGET = "has no target text"


def main() -> None:
    spec = read_spec(ScoreSpec)
    folder = spec.out / "scratch" / f"blocks-{BLOCK}"
    scorer = Scorer(spec)
    if (hand := own_hand()) is not None:
        hand.work_off(scorer)
        return
    counts = prepare(spec, folder)
    score_blocks(folder, scorer, several("tasks.score.engine", spec.engines))
    write_rows(spec.out / "scores.jsonl", scored(folder))
    dtype = {"dtype": resolve(spec.config.dtype, spec.backbone, spec.cuda)}
    write_metrics(spec.out, summary(read_rows(spec.out / "scores.jsonl")) | counts | dtype)
    shutil.rmtree(folder)


def prepare(spec: ScoreSpec, folder: Path) -> dict[str, int]:
    """Lay out in blocks what is to be scored, and write what cannot be; how many rows there are, and are skipped.

    Raises:
        SystemExit: more than `max_skipped_share` of the rows cannot be scored.
    """
    note = folder / "counts.json"
    if not note.exists():
        skipped: list[Row] = []
        shutil.rmtree(folder, ignore_errors=True)
        laid_out = lay_out(folder, (asdict(target) for target in fitting(spec, skipped)), BLOCK)
        write_rows(spec.out / "skipped.jsonl", skipped)
        total = laid_out + len(skipped)
        if len(skipped) > spec.config.max_skipped_share * total:
            raise SystemExit(
                f"{spec.rows}: {len(skipped)} of {total} rows cannot be scored (reasons in skipped.jsonl), more than "
                f"max_skipped_share={spec.config.max_skipped_share:g}; first: {skipped[0]}"
            )
        write_json(note, {"rows": total, "skipped": len(skipped)})
    counts: dict[str, int] = json.loads(note.read_text(encoding="utf-8"))
    return counts


def fitting(spec: ScoreSpec, skipped: list[Row]) -> Iterator[Target]:
    """The targets that fit the model's context; the other rows go to `skipped` with their reason."""
    spare = 1 if spec.config.engine == "vllm" else 0  # vLLM generates a token that nobody asked for
    chat, context = ChatTokens(spec.backbone), longest_context(spec.backbone) - spare
    for target, reason in read_targets(spec.rows, spec.rewrites):
        if fault := reason or misfit(chat, context, target):
            skipped.append({"id": target.id, "reason": fault})
        else:
            yield target


def read_targets(rows: Path, rewrites: Path | None) -> Iterator[tuple[Target, str | None]]:
    """The targets of `rows`, or the texts of `rewrites` joined to them by id, and why there is none.

    Raises:
        RowError: a row has no id or question, or a rewrite belongs to no row.
    """
    asked = read_rows(rows, required=["id", "question"])
    if rewrites is None:
        for row in asked:
            text = row.get("target") or row.get("solution") or ""
            yield Target(row["id"], row["question"], text, domain=domain_of(row)), None if text else NO_TARGET
        return
    questions = {row["id"]: (row["question"], domain_of(row)) for row in asked}
    for row in read_rows(rewrites, required=["id", "text", "finished"]):
        if row["id"] not in questions:
            raise RowError(rewrites, f"row {row['id']}", "id", f"is not in {rows}")
        question, domain = questions[row["id"]]
        target = Target(row["id"], question, row["text"], bool(row["finished"]), domain)
        yield target, None if target.text or target.finished else NO_TARGET


class Scorer:
    """Scores blocks; the model is loaded at the first."""

    def __init__(self, spec: ScoreSpec) -> None:
        self.spec = spec

    def __call__(self, targets: Path) -> None:
        score_block(targets, lambda rows: map(as_row, self.nll.score([Target(**row) for row in rows])))

    @cached_property
    def nll(self) -> NLLScorer:
        return make_scorer(self.spec)


def make_scorer(spec: ScoreSpec) -> NLLScorer:
    """The scorer of the spec's engine."""
    chat, config = ChatTokens(spec.backbone), spec.config
    if config.engine == "vllm":
        llm = load_vllm(spec.backbone, config.dtype, spec.cuda)
        context = llm.llm_engine.model_config.max_model_len - 1
        return NLLScorer(chat, lambda questions: vllm_log_likelihoods(llm, questions), context)
    model = load_backbone(spec.backbone, config.dtype, spec.cuda)
    return NLLScorer.from_model(
        model, chat, tokens_per_batch=config.tokens_per_batch, bucket=config.bucket, packed=config.packing
    )


def as_row(score: Score) -> Row:
    """A score as rows.jsonl has it, NLL in nats per token."""
    return {"id": score.id, "nll": round(score.nll, 7), "tokens": score.tokens}


def summary(rows: Iterable[Row]) -> dict[str, float | int]:
    """Figures of the scores: mean and deciles over rows, in nats per token."""
    both = np.array([(row["nll"], row["tokens"]) for row in rows]).reshape(-1, 2)
    nll = both[:, 0]
    figures: dict[str, float | int] = {"scored": len(both), "tokens": int(both[:, 1].sum())}
    if len(nll):
        figures |= {"nll": float(nll.mean())}
        figures |= {f"nll_p{q}": float(np.percentile(nll, q)) for q in (10, 50, 90)}
    return figures


if __name__ == "__main__":
    main()
