"""One queue of rows through an engine: no row waits for another, each is written the moment it has ended.

In:  prompt token ids by row id, and a stream that answers them in any order
Out: finished.jsonl  {"id": "a/7", "text": "…", "finished": true, "tokens": 87}, in the order in which they ended

A killed run loses what was in flight and nothing else: started again it asks for the rows that the file lacks. Which
rows are computed together is chance, so in bfloat16 or on a GPU a text may differ in rounding from another run's;
every row is there once. Where bytes are promised, tasks/generation/blocks.py keeps the company of a row the same.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tasks.generation.vllm_sampling import Completion
from tasks.rows.jsonl import Row, read_rows
from tasks.runtime.progress import report

Stream = Callable[[Mapping[str, Sequence[int]]], Iterator[tuple[str, Completion]]]


def complete(path: Path, prompts: Mapping[str, Sequence[int]], stream: Stream, unit: str = "rows") -> list[Row]:
    """The rows of all prompts in the order of their ids; those that `path` lacks are asked for.

    `stream` is not called where none is missing, so an engine may start at its first call.

    Raises:
        RowError: a line of `path` that is not its last is no row.
        RuntimeError: the stream ended without an answer to each prompt.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    drop_half_line(path)
    done = {row["id"]: row for row in read_rows(path, ["id", "text", "finished", "tokens"]) if row["id"] in prompts}
    missing = {row_id: prompts[row_id] for row_id in sorted(prompts.keys() - done.keys())}
    report(len(done), len(prompts), unit)
    with path.open("a", encoding="utf-8") as file:
        for row_id, answer in stream(missing) if missing else ():
            row = {"id": row_id, "text": answer.text, "finished": answer.finished, "tokens": answer.tokens}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            done[row_id] = row
            report(len(done), len(prompts), unit)
    if len(done) < len(prompts):
        raise RuntimeError(f"the engine left {len(prompts) - len(done)} of {len(prompts)} rows without an answer")
    return [done[row_id] for row_id in sorted(done)]


def drop_half_line(path: Path) -> None:
    """Cut off what a killed writer left of its last line; makes the file where there is none."""
    with path.open("ab+") as file:
        end = size = file.seek(0, 2)
        while end:
            file.seek(start := max(0, end - 65536))
            if (found := file.read(end - start).rfind(b"\n")) >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            file.truncate(end)
