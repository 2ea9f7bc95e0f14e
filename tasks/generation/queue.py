"""One queue of rows through an engine: no row waits for another, each is written the moment it has ended.

In:  what is asked (tasks/generation/asked.py), and a stream that answers prompts in any order
Out: of each set  finished.jsonl  {"id": "a/7", "text": "…", "finished": true, "tokens": 87}, in the order in which they
     ended

Rows go in longest prompt first where a set asks for it, candidates of one row beside each other, so that an engine that
shares prompts reads theirs once.

A killed run loses what was in flight and nothing else: started again it asks for the rows that the file lacks. Which
rows are computed together is chance, so in bfloat16 or on a GPU a text may differ in rounding from another run's;
every row is there once. Where bytes are promised, tasks/generation/blocks.py keeps the company of a row the same.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from tasks.generation.asked import Asked, tell
from tasks.generation.vllm_sampling import Completion, Prompt
from tasks.rows.jsonl import Row, read_rows

Key = tuple[str, str]  # a set's name, a row's id
Stream = Callable[[Mapping[Key, Prompt]], Iterator[tuple[Key, Completion]]]


def complete(asked: Mapping[str, Asked], stream: Stream, unit: str = "rows") -> dict[str, list[Row]]:
    """The rows of all prompts of each set, in the order of their ids; those that its file lacks are asked for.

    `stream` is not called where none is missing, so an engine may start at its first call.

    Raises:
        RowError: a line of a file that is not its last is no row.
        RuntimeError: the stream ended without an answer to each prompt.
    """
    done = {name: _finished(one) for name, one in asked.items()}
    of = {name: len(one.prompts) for name, one in asked.items()}
    total = sum(of.values())
    missing = {
        (name, row_id): Prompt(asked[name].prompts[row_id], row_id, asked[name].decoding)
        for _, row_id, name in sorted(_places(asked))
        if row_id not in done[name]
    }
    answered = tell(asked, {name: len(rows) for name, rows in done.items()}, of, unit)
    with ExitStack() as stack:
        files = {name: stack.enter_context(_file(one).open("a", encoding="utf-8")) for name, one in asked.items()}
        for (name, row_id), answer in stream(missing) if missing else ():
            row = {"id": row_id, "text": answer.text, "finished": answer.finished, "tokens": answer.tokens}
            files[name].write(json.dumps(row, ensure_ascii=False) + "\n")
            files[name].flush()
            done[name][row_id] = row
            answered = tell(asked, {name: len(rows) for name, rows in done.items()}, of, unit)
    if answered < total:
        raise RuntimeError(f"the engine left {total - answered} of {total} rows without an answer")
    return {name: [rows[row_id] for row_id in sorted(rows)] for name, rows in done.items()}


def _places(asked: Mapping[str, Asked]) -> Iterator[tuple[int, str, str]]:
    """What rows are ordered by."""
    for name, one in asked.items():
        for row_id, prompt in one.prompts.items():
            yield -len(prompt) if one.longest_first else 0, row_id, name


def _file(asked: Asked) -> Path:
    return asked.folder / "finished.jsonl"


def _finished(asked: Asked) -> dict[str, Row]:
    """The rows that earlier attempts left."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    drop_half_line(_file(asked))
    rows = read_rows(_file(asked), ["id", "text", "finished", "tokens"])
    return {row["id"]: row for row in rows if row["id"] in asked.prompts}


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
