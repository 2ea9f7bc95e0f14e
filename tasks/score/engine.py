"""The scoring engine: rows in, one NLL each out, in blocks that a killed attempt need not repeat.

In:  a spec (tasks/score/spec.py)
Out: scores.jsonl {"id", "nll", "tokens"}, skipped.jsonl {"id", "reason"}, scratch/metrics.json
"""

import shutil
from pathlib import Path

import numpy as np

from tasks.rows.jsonl import Row, RowError, read_rows, write_rows
from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens
from tasks.runtime.progress import report
from tasks.runtime.spec import read_spec, write_metrics
from tasks.score.load import load_backbone
from tasks.score.nll import NLLScorer, Score, Target
from tasks.score.spec import ScoreSpec
from tasks.score.vllm_nll import load_vllm, vllm_log_likelihoods

BLOCK = 2048  # rows; sorted by length within a block, so fixed blocks give fixed batches and equal bytes


def main() -> None:
    spec = read_spec(ScoreSpec)
    targets, skipped = read_targets(spec.rows, spec.rewrites)
    scorer = make_scorer(spec)
    fitting = []
    for target in targets:
        reason = scorer.misfit(target)
        if reason is None:
            fitting.append(target)
        else:
            skipped.append({"id": target.id, "reason": reason})
    total = len(targets) + len([row for row in skipped if row["reason"] == NO_TARGET])
    write_rows(spec.out / "skipped.jsonl", skipped)
    if len(skipped) > spec.config.max_skipped_share * total:
        raise SystemExit(
            f"{spec.rows}: {len(skipped)} of {total} rows cannot be scored (reasons in skipped.jsonl), more than "
            f"max_skipped_share={spec.config.max_skipped_share:g}; first: {skipped[0]}"
        )
    blocks = [fitting[start : start + BLOCK] for start in range(0, len(fitting), BLOCK)]
    files = [spec.out / "scratch" / "blocks" / f"{number:06d}.jsonl" for number in range(len(blocks))]
    for number, (block, file) in enumerate(zip(blocks, files, strict=True)):
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            write_rows(file, (as_row(score) for score in scorer.score(block)))
        report(min(len(fitting), (number + 1) * BLOCK), len(fitting))
    write_rows(spec.out / "scores.jsonl", (row for file in files for row in read_rows(file)))
    metrics = summary(list(read_rows(spec.out / "scores.jsonl"))) | {
        "rows": total,
        "skipped": len(skipped),
        "dtype": resolve(spec.config.dtype, spec.backbone, spec.cuda),
    }
    write_metrics(spec.out, metrics)
    shutil.rmtree(spec.out / "scratch" / "blocks", ignore_errors=True)


NO_TARGET = "has no target text"


def read_targets(rows: Path, rewrites: Path | None) -> tuple[list[Target], list[Row]]:
    """The targets of `rows`, or the texts of `rewrites` joined to them by id; and the rows that have none.

    Raises:
        RowError: a row has no id or question, or a rewrite belongs to no row.
    """
    targets: list[Target] = []
    skipped: list[Row] = []
    questions: dict[str, str] = {}
    for row in read_rows(rows, required=["id", "question"]):
        questions[row["id"]] = row["question"]
        if rewrites is None:
            text = row.get("target") or row.get("solution")
            if text:
                targets.append(Target(row["id"], row["question"], text))
            else:
                skipped.append({"id": row["id"], "reason": NO_TARGET})
    for row in read_rows(rewrites, required=["id", "text", "finished"]) if rewrites is not None else ():
        if row["id"] not in questions:
            raise RowError(rewrites or rows, f"row {row['id']}", "id", f"is not in {rows}")
        if row["text"] or row["finished"]:
            targets.append(Target(row["id"], questions[row["id"]], row["text"], bool(row["finished"])))
        else:
            skipped.append({"id": row["id"], "reason": NO_TARGET})
    return targets, skipped


def make_scorer(spec: ScoreSpec) -> NLLScorer:
    """The scorer of the spec's engine."""
    chat, config = ChatTokens(spec.backbone), spec.config
    if config.engine == "vllm":
        llm = load_vllm(spec.backbone, config.dtype, spec.cuda)
        context = llm.llm_engine.model_config.max_model_len - 1
        return NLLScorer(chat, lambda questions: vllm_log_likelihoods(llm, questions), context)
    model = load_backbone(spec.backbone, config.dtype, spec.cuda)
    return NLLScorer.from_model(model, chat, tokens_per_batch=config.tokens_per_batch, bucket=config.bucket)


def as_row(score: Score) -> Row:
    return {"id": score.id, "nll": round(score.nll, 7), "tokens": score.tokens}


def summary(rows: list[Row]) -> dict[str, float | int]:
    """Figures of the scores: mean and deciles over rows, in nats per token."""
    nll = np.array([row["nll"] for row in rows])
    figures: dict[str, float | int] = {"scored": len(rows), "tokens": sum(row["tokens"] for row in rows)}
    if len(nll):
        figures |= {"nll": float(nll.mean())}
        figures |= {f"nll_p{q}": float(np.percentile(nll, q)) for q in (10, 50, 90)}
    return figures


if __name__ == "__main__":
    main()
