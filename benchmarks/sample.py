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
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._alone import alone
from benchmarks._beside import tell
from benchmarks._made_up_corpus import GROUP, written
from tasks.runtime.settings import ROOT

ROWS = int(os.environ.get("REWRITING_AGENT_SAMPLE_ROWS", 200_000))
FILTER_FIRST_UP_TO = 20_000  # rows; it tokenises them all
MAX_TOKENS = 2048
TOKENIZER = ROOT / "infra" / "nano" / "model"
UNITS = {"": "s", "/cores": "s of cores", "/memory": "MB"}


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
            tell(f"sample/{ROWS}{name}", unit, "datasets, shuffled first", [ours[name]], [theirs[name]], better="lower")
        if ROWS <= FILTER_FIRST_UP_TO:
            theirs, _ = in_folder(_filter_first, corpus, Path(folder) / "filtered")
            name, first = f"sample/{ROWS}/filter first", "datasets, filtered first"
            tell(name, "s", first, [ours[""]], [theirs[""]], better="lower")


def in_folder(work: Callable[[Path, Path], Any], corpus: Path, out: Path) -> tuple[dict[str, float], Any]:
    """What `alone` gives of work that writes into a folder, which is removed again."""
    out.mkdir()
    found = alone(work, corpus, out)
    shutil.rmtree(out)
    return found


def _ours(corpus: Path, out: Path) -> Any:
    from tasks.corpus.corpus import CorpusConfig
    from tasks.corpus.corpus import corpus as read
    from tasks.runtime.progress.progress import handled_by
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


if __name__ == "__main__":
    main()
