"""The rewriting engine: rows through vLLM in one queue; in fixed blocks where the bytes are promised.

In:  a spec (tasks/rewrite/spec.py) and rows {"id", "question", "solution"}
Out: of each part
     rewrites.jsonl    {"id": "numinamath_cot/3f2a91c0", "text": "Step 1: …", "finished": true, "tokens": 87}
     quarantine.jsonl  {"id": "…", "field": "prompt", "reason": "3012 tokens, 2048 allowed"}
     scratch/metrics.json

The samples of a row are drawn beside each other, so that its prompt is read once. In float32 on a CPU each part is cut
into blocks; a block's output depends on nothing but its rows, so neither kills nor the number of engines change a byte.
Elsewhere no row waits for another. Several engines are workers of this module (tasks/runtime/engines/dealing.py).
"""

from collections.abc import Mapping, Sequence
from contextlib import closing

from tasks.generation.asked import Asked
from tasks.generation.blocks import distinct
from tasks.generation.sampler import Sampler
from tasks.generation.vllm_sampling import Decoding
from tasks.rewrite.config import RewriteConfig
from tasks.rewrite.spec import RewriteSpec
from tasks.rows.context import context_for
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.precision import resolve
from tasks.rows.prompts import domain_of, question_prompt, rewriting_prompt
from tasks.rows.tokens import ChatTokens
from tasks.runtime.engines.dealing import own_hand, several
from tasks.runtime.engines.spec import read_spec, write_metrics


def main() -> None:
    """Compute what an earlier attempt did not, and join it part by part."""
    spec = read_spec(RewriteSpec)
    context = context_for(spec.backbone, spec.config.max_prompt_tokens, spec.config.max_new_tokens)
    sampler = Sampler(spec.backbone, spec.config, context, spec.cuda, spec.config.dtype, adapter=spec.adapter)
    sampler.shared_prompts = not sampler.in_blocks  # a block is of one part
    if (hand := own_hand()) is not None:
        sampler.serve(hand)
        return
    sampler.workers = several("tasks.rewrite.vllm_engine", spec.engines)
    parts, prompts, aside = read(spec, context)
    asked = {name: ask(spec, name, ids, prompts) for name, ids in parts.items()}
    with closing(sampler):
        made = sampler.complete_all(asked, unit(spec))
    for name, ids in parts.items():
        finish(spec, name, made[name], [aside[row_id] for row_id in ids if row_id in aside])


def read(spec: RewriteSpec, context: int) -> tuple[dict[str, list[str]], dict[str, list[int]], dict[str, Row]]:
    """The ids of each part; of all rows the prompts, and of those that have none a quarantine row.

    Raises:
        ValueError: an id appears twice.
    """
    rows = list(read_rows(spec.rows, required=("id", "question", "solution")))
    parts = {name: shard_ids([row["id"] for row in rows], config) for name, config in spec.configs.items()}
    of_parts = set().union(*parts.values())
    return parts, *tokenise(spec, [row for row in rows if row["id"] in of_parts], context)


def ask(spec: RewriteSpec, name: str, ids: Sequence[str], prompts: Mapping[str, list[int]]) -> Asked:
    """What a part asks for, of the prompts of all rows."""
    own = {row_id: prompts[row_id] for row_id in ids if row_id in prompts}
    return Asked(spec.outs[name] / "scratch", decoding(spec.configs[name]), ids, own, longest_first=True)


def decoding(config: RewriteConfig) -> Decoding:
    """How a part's tokens are drawn."""
    return Decoding(config.max_new_tokens, config.temperature, config.top_p, config.seed)


def unit(spec: RewriteSpec) -> str:
    """What progress is counted in."""
    return "rows" if len(spec.outs) == 1 else "samples"


def finish(spec: RewriteSpec, name: str, rewrites: list[Row], aside: list[Row]) -> None:
    """Leave a part's rewrites and figures; `aside` are its rows that were not asked for one."""
    out = spec.outs[name]
    write_rows(out / "quarantine.jsonl", aside)
    write_rows(out / "rewrites.jsonl", rewrites)
    metrics = {
        "rows": len(rewrites) + len(aside),
        "written": len(rewrites),
        "finished": sum(row["finished"] for row in rewrites),
        "prompt_too_long": sum("allowed" in row["reason"] for row in aside),
        "bad": sum("special token" in row["reason"] for row in aside),
        "output_tokens": sum(row["tokens"] for row in rewrites),
        "dtype": resolve(spec.config.dtype, spec.backbone, spec.cuda),
    }
    write_metrics(out, metrics)


def shard_ids(ids: Sequence[str], config: RewriteConfig) -> list[str]:
    """The rows of this shard: shards differ by one row at most, and what is only speed (`block`) deals none otherwise.

    Raises:
        ValueError: an id appears twice.
    """
    ordered = distinct(ids)
    first, last = (len(ordered) * part // config.shards for part in (config.shard, config.shard + 1))
    return ordered[first:last]


def tokenise(spec: RewriteSpec, rows: list[Row], context: int) -> tuple[dict[str, list[int]], dict[str, Row]]:
    """Prompt ids by row id, and a quarantine row for each prompt that leaves no room for max_new_tokens.

    A row that spells out a special token is set aside as well: its text could end the user's turn.
    """
    tokens = ChatTokens(spec.backbone)
    allowed = min(spec.config.max_prompt_tokens, context - spec.config.max_new_tokens)
    prompts: dict[str, list[int]] = {}
    aside: dict[str, Row] = {}
    for row in rows:
        if spec.prompt == "rewrite":
            content = rewriting_prompt(row["question"], row["solution"], domain_of(row))
        else:
            content = question_prompt(row["question"], domain_of(row))
        if (special := tokens.special_in(content)) is not None:
            aside[row["id"]] = {"id": row["id"], "field": "prompt", "reason": f"holds the special token {special}"}
            continue
        ids = tokens.prompt(content)
        if len(ids) > allowed:
            aside[row["id"]] = {"id": row["id"], "field": "prompt", "reason": f"{len(ids)} tokens, {allowed} allowed"}
            continue
        prompts[row["id"]] = ids
    return prompts, aside


if __name__ == "__main__":
    main()
