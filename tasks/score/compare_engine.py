"""The engine of `rewriting-agent score`: NLL of targets, and of answers that the model samples to the same questions.

In:  a spec (CompareSpec): rows {"id", "question", "target", "source"}, and "domain" where it is not mathematics
Out: compared.jsonl {"id", "source", "nll", "tokens", "own_nll" | null, "own_tokens" | null}
     skipped.jsonl  {"id", "reason"}
"""

from itertools import islice

import torch

from tasks.generation.rollout import Sampling, sample
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.prompts import domain_of
from tasks.rows.tokens import ChatTokens
from tasks.runtime.engines.spec import read_spec
from tasks.runtime.progress.progress import report
from tasks.score.load import load_backbone
from tasks.score.nll import NLLScorer, Target
from tasks.score.spec import CompareSpec

BATCH = 16


def main() -> None:
    spec = read_spec(CompareSpec)
    chat = ChatTokens(spec.backbone)
    model = load_backbone(spec.backbone, spec.dtype, spec.cuda)
    scorer = NLLScorer.from_model(model, chat)
    rows: list[Row] = []
    skipped: list[Row] = []
    for row in read_rows(spec.rows, ["id", "question", "target", "source"]):
        reason = scorer.misfit(_target(row, row["target"]))
        if reason:
            skipped.append({"id": row["id"], "reason": reason})
        else:
            rows.append(row)
    found: dict[str, Row] = {}
    for start in range(0, len(rows), BATCH * 4):
        block = rows[start : start + BATCH * 4]
        scores = scorer.score([_target(row, row["target"]) for row in block])
        for row, score in zip(block, scores, strict=True):
            found[row["id"]] = {"source": row["source"], "nll": score.nll, "tokens": score.tokens}
        report(len(found), len(rows), "targets")
    own = _own_answers(spec, chat, model, scorer, rows)
    empty = {"own_nll": None, "own_tokens": None}
    write_rows(spec.out / "compared.jsonl", ({"id": name} | row | own.get(name, empty) for name, row in found.items()))
    write_rows(spec.out / "skipped.jsonl", skipped)


def _own_answers(
    spec: CompareSpec, chat: ChatTokens, model: object, scorer: NLLScorer, rows: list[Row]
) -> dict[str, Row]:
    """NLL and length of the model's own answers that ended, sampled at temperature 1, to evenly spaced rows."""
    every = max(1, len(rows) // spec.own)
    asked = list(islice(rows, 0, None, every))[: spec.own]
    asked = [
        row for row in asked if not scorer.context or len(_prompt(scorer, row)) + spec.max_new_tokens <= scorer.context
    ]
    generator = torch.Generator("cuda" if spec.cuda else "cpu").manual_seed(spec.seed)
    sampling = Sampling(spec.max_new_tokens, 1.0, tuple(chat.stop_ids))
    own: dict[str, Row] = {}
    for start in range(0, len(asked), BATCH):
        block = asked[start : start + BATCH]
        rollouts = sample(model, [_prompt(scorer, row) for row in block], 1, sampling, generator)
        targets = [
            _target(row, chat.tokenizer.decode(rollout.ids, skip_special_tokens=True))
            for row, rollout in zip(block, rollouts, strict=True)
            if rollout.finished
        ]
        own |= {score.id: {"own_nll": score.nll, "own_tokens": score.tokens} for score in scorer.score(targets)}
        report(min(len(asked), start + BATCH), len(asked), "own answers")
    return own


def _target(row: Row, text: str) -> Target:
    return Target(row["id"], row["question"], text, domain=domain_of(row))


def _prompt(scorer: NLLScorer, row: Row) -> list[int]:
    return scorer.prompt(row["question"], domain_of(row))


if __name__ == "__main__":
    main()
