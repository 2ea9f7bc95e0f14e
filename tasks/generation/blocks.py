"""Fixed blocks of rows, each computed whole and written whole or not at all.

In:  [(0, ["a/1", "a/2"]), (1, ["a/3"])] and each row's prompt token ids
Out: blocks/000000.jsonl, blocks/000001.jsonl   {"id": "a/1", "text": "…", "finished": true, "tokens": 87}

A killed run loses at most one block. A block's completions depend on nothing but its rows, so on CPU in float32 a
resumed run writes the same bytes as an undisturbed one.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from tasks.generation.vllm_sampling import Completion
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.runtime.progress import report

Generate = Callable[[Sequence[str], Sequence[Sequence[int]]], list[Completion]]
Blocks = Sequence[tuple[int, Sequence[str]]]


def distinct(ids: Sequence[str]) -> list[str]:
    """The ids in their order. Raises ValueError at one that appears twice."""
    ordered = sorted(ids)
    for before, after in pairwise(ordered):
        if before == after:
            raise ValueError(f"row {before}: the id appears twice; ids must be unique")
    return ordered


def cut(ids: Sequence[str], size: int) -> list[tuple[int, list[str]]]:
    """Numbered blocks of `size` ids, in the order of the ids. Raises ValueError at an id that appears twice."""
    ordered = distinct(ids)
    return [(at // size, ordered[at : at + size]) for at in range(0, len(ordered), size)]


def complete(
    folder: Path, blocks: Blocks, prompts: Mapping[str, Sequence[int]], generate: Generate, unit: str = "rows"
) -> list[Row]:
    """The rows of all blocks; those that `folder` lacks are generated. Ids without a prompt are passed over.

    `generate` is not called where no block is missing, so an engine may start at its first call.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total, done = sum(len(ids) for _, ids in blocks), 0
    rows: list[Row] = []
    for number, ids in blocks:
        path = folder / f"{number:06d}.jsonl"
        answered = [row_id for row_id in ids if row_id in prompts]
        kept = list(read_rows(path)) if path.exists() else None
        # An earlier attempt may have cut other blocks: their size is no part of a stage's key.
        if kept is None or [row["id"] for row in kept] != answered:
            completions = generate(answered, [prompts[row_id] for row_id in answered]) if answered else []
            kept = [
                {"id": row_id, "text": c.text, "finished": c.finished, "tokens": c.tokens}
                for row_id, c in zip(answered, completions, strict=True)
            ]
            write_rows(path, kept)
        rows += kept
        done += len(ids)
        report(done, total, unit)
    return rows
