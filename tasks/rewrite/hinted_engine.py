"""The engine of hinted decoding: as the rewriting engine, with two prompts a row in step (tasks/generation/hinted.py).

In:  a spec (tasks/rewrite/spec.py) whose config has a `hint`, and rows {"id", "question", "solution"}
Out: rewrites.jsonl, quarantine.jsonl, scratch/metrics.json, as vllm_engine.py leaves them

Computed with transformers in fixed blocks; a killed attempt loses at most one.
"""

from collections.abc import Sequence
from typing import Any

from tasks.generation import blocks
from tasks.generation.hinted import decode_hinted
from tasks.generation.rollout import Sampling
from tasks.generation.vllm_sampling import Completion
from tasks.rewrite.spec import RewriteSpec
from tasks.rewrite.vllm_engine import all_ids, finish, shards, tokenise, unit
from tasks.rows.context import context_for
from tasks.rows.jsonl import read_rows
from tasks.rows.tokens import ChatTokens
from tasks.runtime.spec import read_spec
from tasks.score.load import load_backbone

AT_ONCE = 256  # rows decoded together, where `batch` does not say


def main() -> None:
    """Compute the blocks that an earlier attempt did not, then join them."""
    spec = read_spec(RewriteSpec)
    config, chat = spec.config, ChatTokens(spec.backbone)
    assert config.hint is not None
    rows = {row["id"]: row for row in read_rows(spec.rows, required=("id", "question", "solution"))}
    parts = shards(spec, list(rows))
    context = context_for(spec.backbone, config.max_prompt_tokens, config.max_new_tokens)
    hinted, aside = tokenise(spec, [rows[row_id] for row_id in all_ids(parts)], context)
    plain, more = tokenise(spec.model_copy(update={"prompt": "self_solve"}), [rows[one] for one in hinted], context)
    aside |= more
    sampling = Sampling(config.max_new_tokens, 0.0, tuple(sorted(chat.stop_ids)))
    strength = config.hint
    loaded: list[Any] = []

    def generate(named: Sequence[str], prompts: Sequence[Sequence[int]]) -> list[Completion]:
        loaded[:] = loaded or [load_backbone(spec.backbone, config.dtype, spec.cuda)]
        hints = [hinted[row_id] for row_id in named]
        drawn = decode_hinted(loaded[0], prompts, hints, strength, sampling, config.batch or AT_ONCE)
        texts = [chat.tokenizer.decode(one.ids, skip_special_tokens=True) for one in drawn]
        return [Completion(text, one.finished, len(one.ids)) for text, one in zip(texts, drawn, strict=True)]

    for name, ids in parts.items():
        cuts = blocks.cut(ids, config.block)
        made = blocks.complete(spec.outs[name] / "scratch" / "blocks", cuts, plain, generate, unit(spec, name))
        finish(spec, name, made, [aside[row_id] for row_id in ids if row_id in aside])


if __name__ == "__main__":
    main()
