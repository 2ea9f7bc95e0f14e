"""A made-up corpus in NuminaMath-CoT's columns and about its lengths: Parquet files, the same rows for the same number.

Out: train-00000-of-00005.parquet, …: {"source": "cn_k12", "problem": "…", "solution": "… \\boxed{12}", "messages": […]}

2 % of the rows stand there twice, 0.3 % are without a problem or a solution.
"""

import random
from pathlib import Path
from typing import Any

FILES = 5
GROUP = 1000  # rows of a row group, as `datasets` writes them

_TEXT = (
    "the of a triangle circle number integer find value let such that point line area sum product equation root "
    "positive real function where is and by we have then therefore since which from angle side length each total"
)
_WORDS = _TEXT.split()
_MATHS = (
    *("$x^2 + {a}x = {b}$", "$\\frac{{{a}}}{{{b}}}$", "\\[ {a} \\cdot {b} = {c} \\]"),
    *("$\\sqrt{{{c}}}$", "${a} < n$"),
)


def written(folder: Path, rows: int) -> float:
    """Write the corpus; returns the MB of its texts. The same rows for the same number."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    folder.mkdir()
    draw = random.Random(rows)
    turn = pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))
    texts = [(name, pa.string()) for name in ("source", "problem", "solution")]
    schema = pa.schema([*texts, ("messages", turn)])
    # Sentences are drawn from a pool: a corpus of 2M rows is written in minutes, and no two solutions are alike.
    pool = [_sentence(draw) for _ in range(20_000)]
    size, before = 0, _row(draw, pool, 0)
    for number in range(FILES):
        with parquet.ParquetWriter(folder / f"train-{number:05}-of-{FILES:05}.parquet", schema) as file:
            for start in range(number * rows // FILES, (number + 1) * rows // FILES, GROUP):
                block = []
                for at in range(start, min(start + GROUP, (number + 1) * rows // FILES)):
                    row = before if draw.random() < 0.02 else _row(draw, pool, at)
                    before = row
                    if draw.random() < 0.003:
                        row = row | {draw.choice(["problem", "solution"]): draw.choice([None, "", " "])}
                    size += len(row["problem"] or "") + len(row["solution"] or "")
                    block.append(row)
                file.write_table(pa.Table.from_pylist(block, schema))
    return size / 1e6


def _sentence(draw: random.Random) -> str:
    words = draw.choices(_WORDS, k=draw.randint(5, 14))
    maths = draw.choice(_MATHS).format(a=draw.randint(2, 99), b=draw.randint(2, 99), c=draw.randint(100, 9999))
    return f"{' '.join(words).capitalize()} {maths}."


def _row(draw: random.Random, pool: list[str], number: int) -> dict[str, Any]:
    problem = f"{' '.join(draw.choices(pool, k=1 + int(draw.lognormvariate(0.6, 0.6))))} Find ${number} + n$."
    steps = "\n".join(draw.choices(pool, k=1 + int(draw.lognormvariate(2.4, 0.7))))
    kind = draw.random()
    if kind < 0.9:
        ending = f"Therefore the answer is $\\boxed{{{draw.randint(-50, 9999)}}}$."
    elif kind < 0.95:
        ending = f"Thus the sum is {number}."
    else:
        ending = "This completes the proof. $\\blacksquare$"
    solution = f"{steps}\n{ending}"
    turns = [{"content": problem, "role": "user"}, {"content": solution, "role": "assistant"}]
    return {"source": draw.choice(["cn_k12", "olympiads", "aops_forum"])} | {
        "problem": problem,
        "solution": solution,
        "messages": turns,
    }
