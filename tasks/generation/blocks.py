"""Fixed blocks of rows, each computed whole and written whole or not at all.

In:  what is asked (tasks/generation/asked.py), and what answers blocks in any order
Out: of each set  blocks/000000.jsonl, blocks/000001.jsonl   {"id": "a/1", "text": "…", "finished": true, "tokens": 87}

A killed run loses at most one block an engine. A block's completions depend on nothing but its rows, so on CPU in
float32 a resumed run writes the same bytes as an undisturbed one, whichever engine made a block.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tasks.generation.asked import Asked, tell
from tasks.generation.vllm_sampling import Completion, Decoding
from tasks.rows.jsonl import Row, read_rows, write_rows


@dataclass(frozen=True)
class Block:
    """Rows that are computed together, and their prompts' token ids."""

    ids: Sequence[str]
    prompts: Sequence[Sequence[int]]
    decoding: Decoding


Generate = Callable[[Sequence[str], Sequence[Sequence[int]]], list[Completion]]
Key = tuple[str, int]  # a set's name, a block's number
Answers = Callable[[Mapping[Key, Block]], Iterator[tuple[Key, list[Completion]]]]


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


def complete(asked: Mapping[str, Asked], size: int, answers: Answers, unit: str = "rows") -> dict[str, list[Row]]:
    """The rows of each set, in blocks of `size`; those that its folder lacks are answered.

    `answers` is not called where no block is missing, so an engine may start at its first call.
    """
    for one in asked.values():
        (one.folder / "blocks").mkdir(parents=True, exist_ok=True)
    cuts = {(name, number): ids for name, one in asked.items() for number, ids in cut(one.ids, size)}
    rows: dict[Key, list[Row]] = {}
    missing: dict[Key, Block] = {}
    for key, ids in cuts.items():
        one = asked[key[0]]
        answered = [row_id for row_id in ids if row_id in one.prompts]
        kept = list(read_rows(path)) if (path := _file(one, key)).exists() else []
        # An earlier attempt may have cut other blocks: their size is no part of a stage's key.
        if [row["id"] for row in kept] == answered:
            rows[key] = kept
        else:
            missing[key] = Block(answered, [one.prompts[row_id] for row_id in answered], one.decoding)

    of = {name: len(one.ids) for name, one in asked.items()}
    done = dict.fromkeys(asked, 0)
    for key in rows:
        done[key[0]] += len(cuts[key])
    tell(asked, done, of, unit)
    for key, completions in answers(missing) if missing else ():
        rows[key] = [
            {"id": row_id, "text": c.text, "finished": c.finished, "tokens": c.tokens}
            for row_id, c in zip(missing[key].ids, completions, strict=True)
        ]
        write_rows(_file(asked[key[0]], key), rows[key])
        done[key[0]] += len(cuts[key])
        tell(asked, done, of, unit)
    return {name: [row for key in cuts if key[0] == name for row in rows[key]] for name in asked}


def one_by_one(generate: Generate) -> Answers:
    """Answers one block after the other, in this process."""
    return lambda blocks: ((key, generate(block.ids, block.prompts)) for key, block in blocks.items())


def _file(asked: Asked, key: Key) -> Path:
    return asked.folder / "blocks" / f"{key[1]:06d}.jsonl"
