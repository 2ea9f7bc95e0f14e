"""General rows for replay: questions of nano's world with their answers, as its instruction tuning had them.

    .envs/core/bin/python -m infra.nano.general_rows          writes infra/nano/replay/general.jsonl.gz

A row: {"question": the user turn of a general benchmark, "solution": "The flag of Belora is blue.\\n$\\boxed{B}$",
"answer": "B"}. No benchmark's pair of question and options is among them (world.py holds them out).
"""

import gzip
import json
from pathlib import Path

from infra.nano.recipe import HERE, NanoConfig
from infra.nano.world import World

ROWS = 800
OUT = HERE / "replay" / "general.jsonl.gz"


def rows(world: World, count: int = ROWS) -> list[dict[str, str]]:
    """The first `count` different general rows of the world's instruction tuning."""
    found: dict[str, dict[str, str]] = {}
    for row in world.pretraining():
        if row.task == "general" and row.prompt not in found:
            letter = row.target.rpartition("{")[2][0]
            found[row.prompt] = {"question": row.prompt, "solution": row.target, "answer": letter}
        if len(found) == count:
            break
    return list(found.values())


def write(path: Path, lines: list[dict[str, str]]) -> None:
    """As gzip without a time: the same rows give the same bytes."""
    text = "".join(json.dumps(row) + "\n" for row in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    write(OUT, rows(World(NanoConfig())))
