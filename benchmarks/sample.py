"""Drawing a sample from a corpus: the stages corpus and sample against plain `datasets`, in one run.

    {"name": "sample/200000", "value": 20.1, "unit": "s",
     "baseline": {"name": "datasets, shuffled first", "value": 21.5}, "ratio": 0.93,
     "better": "lower", "spread": [0.93, 0.93], "n": 1}

The corpus is made up, in NuminaMath-CoT's columns and about its lengths: five Parquet files, 2 % of the rows twice,
0.3 % without a problem or a solution. One row in twenty is drawn, as the paper's 100K of 2M. Ours gives ids, leaves
out duplicates, sets bad rows aside and says which can be verified; the baselines only shuffle, tokenise and write.
Each runs in a process of its own, after one that read the same files. Memory is the largest sum of what the process
and its children hold, looked at ten times a second. Seconds of cores tell less of what else the machine does.
REWRITING_AGENT_SAMPLE_ROWS=2000000 measures the paper's size.
"""

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._alone import alone
from tasks.runtime.settings import ROOT

ROWS = int(os.environ.get("REWRITING_AGENT_SAMPLE_ROWS", 200_000))
FILTER_FIRST_UP_TO = 20_000  # rows; it tokenises them all
MAX_TOKENS = 2048
TOKENIZER = ROOT / "infra" / "nano" / "model"
UNITS = {"": "s", "/cores": "s of cores", "/memory": "MB"}
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


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("REWRITING_AGENT_SAMPLE_DIR")) as folder:
        corpus = Path(folder) / "corpus"
        megabytes = written(corpus, ROWS)
        print(f"{ROWS} rows, {megabytes:.0f} MB of text", file=sys.stderr, flush=True)
        in_folder(_read, corpus, Path(folder) / "read")
        ours, said = in_folder(_ours, corpus, Path(folder) / "ours")
        print(json.dumps(said), file=sys.stderr, flush=True)
        theirs, _ = in_folder(_shuffle_first, corpus, Path(folder) / "shuffled")
        for name, unit in UNITS.items():
            figure(f"sample/{ROWS}{name}", ours[name], unit, "datasets, shuffled first", theirs[name])
        if ROWS <= FILTER_FIRST_UP_TO:
            theirs, _ = in_folder(_filter_first, corpus, Path(folder) / "filtered")
            figure(f"sample/{ROWS}/filter first", ours[""], "s", "datasets, filtered first", theirs[""])


def figure(name: str, value: float, unit: str, baseline: str, theirs: float) -> None:
    """One line; a small ratio is good."""
    ratio = round(value / theirs, 3)
    line = {"name": name, "value": round(value, 1), "unit": unit}
    line |= {"baseline": {"name": baseline, "value": round(theirs, 1)}, "ratio": ratio, "better": "lower"}
    print(json.dumps(line | {"spread": [ratio, ratio], "n": 1}), flush=True)


def in_folder(work: Callable[[Path, Path], Any], corpus: Path, out: Path) -> tuple[dict[str, float], Any]:
    """What `alone` gives of work that writes into a folder, which is removed again."""
    out.mkdir()
    found = alone(work, corpus, out)
    shutil.rmtree(out)
    return found


def _ours(corpus: Path, out: Path) -> Any:
    from tasks.corpus.corpus import CorpusConfig
    from tasks.corpus.corpus import corpus as read
    from tasks.runtime.progress import handled_by
    from tasks.sample.sample import SampleConfig, sample

    parts = [out / name for name in ("corpus", "sample")]
    for part in parts:
        part.mkdir()
    with handled_by(lambda _: None):
        began = time.perf_counter()
        read_metrics = read.plain(CorpusConfig(name="made_up", format="numinamath_cot", path=str(corpus)), parts[0])
        between = time.perf_counter()
        metrics = sample.plain(
            SampleConfig(rows=ROWS // 20, max_tokens=MAX_TOKENS),
            parts[1],
            corpora={"made_up": parts[0]},
            tokenizers={"nano": TOKENIZER},
        )
    seconds = {"corpus": round(between - began, 1), "sample": round(time.perf_counter() - between, 1)}
    return {"corpus": read_metrics, "sample": metrics, "seconds": seconds}


def _loaded(corpus: Path, out: Path) -> Any:
    os.environ["HF_HOME"] = str(out / "hub")
    from datasets import load_dataset

    return load_dataset("parquet", data_files=str(corpus / "*.parquet"), cache_dir=str(out), split="train")


def _read(corpus: Path, out: Path) -> None:
    for path in corpus.iterdir():
        path.read_bytes()


def _shuffle_first(corpus: Path, out: Path) -> None:
    from tasks.rows.sequence_length import SequenceLengths

    lengths, wanted = SequenceLengths(TOKENIZER), ROWS // 20
    rows = _loaded(corpus, out).shuffle(seed=0)
    with (out / "rows.jsonl").open("w", encoding="utf-8") as file:
        for start in range(0, len(rows), GROUP):
            block = [row for row in rows.select(range(start, start + GROUP)) if row["problem"] and row["solution"]]
            counted = lengths.of([row["problem"] for row in block], [row["solution"] for row in block])
            for row, tokens in zip(block, counted, strict=True):
                if tokens <= MAX_TOKENS and wanted:
                    del row["messages"]
                    file.write(json.dumps(row | {"tokens": tokens}, ensure_ascii=False) + "\n")
                    wanted -= 1
            if not wanted:
                return


def _filter_first(corpus: Path, out: Path) -> None:
    from tasks.rows.sequence_length import SequenceLengths

    made: list[SequenceLengths] = []  # in each process anew: a template is not sent to another one

    def fits(block: dict[str, list[str]]) -> list[bool]:
        made[1:] = []
        lengths = made[0] if made else SequenceLengths(TOKENIZER)
        made.append(lengths)
        problems, solutions = ([text or "" for text in block[name]] for name in ("problem", "solution"))
        return [tokens <= MAX_TOKENS for tokens in lengths.of(problems, solutions)]

    rows = _loaded(corpus, out).filter(fits, batched=True, num_proc=os.cpu_count())
    rows.shuffle(seed=0).select(range(ROWS // 20)).to_json(str(out / "rows.jsonl"))


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


if __name__ == "__main__":
    main()
