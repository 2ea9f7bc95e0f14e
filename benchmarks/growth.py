"""How the CPU stages grow: 1K, 10K and 100K rows through corpus, sample, split, verify and assemble.

    {"name": "growth/verify", "value": 640.0, "unit": "µs of a core a row, of 100000 rows",
     "baseline": {"name": "of 10000 rows", "value": 655.0}, "ratio": 0.98, "better": "lower", "spread": …, "n": 1}
    {"name": "growth/verify/memory", "value": 9.1, "unit": "KB more at the peak, a row more from 10000 to 100000", …}

A stage that is linear has a ratio of 1: a row costs as much among many as among few. Each stage runs in a process of
its own, whose start and imports are not counted, and reads what the one before it has written. The corpus is that of
benchmarks/sample.py; one row in two is drawn and all of the draw is a part of the split. Rewrites are the rows'
solutions, of every fifth row its neighbour's, so that a part of them fails. Memory's baseline is what a row takes in
its stage's largest file: a ratio near 0 streams, one of some units holds the rows as Python's objects.
REWRITING_AGENT_GROWTH_ROWS=1000,10000 makes it shorter.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._alone import alone, cores_used
from benchmarks._beside import tell
from benchmarks._made_up_corpus import written
from benchmarks.sample import TOKENIZER
from tasks.rows.jsonl import read_rows, write_rows

SIZES = [int(size) for size in os.environ.get("REWRITING_AGENT_GROWTH_ROWS", "1000,10000,100000").split(",")]
MAX_TOKENS = 2048

Made = Callable[[Path, int], Callable[[], Any]]  # folder, rows: the stage, ready to be run


def main() -> None:
    measured: dict[str, dict[int, dict[str, float]]] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory(dir=os.environ.get("REWRITING_AGENT_SAMPLE_DIR")) as name:
            folder = Path(name)
            written(folder / "raw", size)
            for stage, (made, reads) in STAGES.items():
                if stage == "verify":
                    alone(_rewritten, folder)
                (folder / stage).mkdir()
                figures, cores = alone(_run, made, folder, size)
                rows = size if stage in ("corpus", "sample") else size // 2
                largest = max(path.stat().st_size for path in (folder / reads).iterdir())
                found = {"cores": cores, "memory": figures["/memory"], "rows": rows, "bytes": largest / rows}
                measured.setdefault(stage, {})[size] = found
                shown = f"{size} rows, {stage}: {cores:.2f} s of a core, {figures['/memory']:.0f} MB at the peak"
                print(shown, file=sys.stderr, flush=True)
    few_rows, many_rows = SIZES[-2:]
    for stage, of in measured.items():
        few, many = of[few_rows], of[many_rows]
        each = ([1e6 * one["cores"] / one["rows"]] for one in (many, few))
        unit = f"µs of a core a row, of {many_rows} rows"
        tell(f"growth/{stage}", unit, f"of {few_rows} rows", *each, better="lower")
        more = 1e3 * (many["memory"] - few["memory"]) / (many["rows"] - few["rows"])
        between = f"KB more at the peak, a row more from {few_rows} to {many_rows}"
        written_row = [many["bytes"] / 1e3]
        tell(f"growth/{stage}/memory", between, "KB of a row in its file", [more], written_row, better="lower")


def _run(made: Made, folder: Path, size: int) -> float:
    """Seconds of cores of a stage, what it imports left out."""
    from tasks.runtime.progress.progress import handled_by

    stage = made(folder, size)
    began = cores_used()
    with handled_by(lambda _: None):
        stage()
    return cores_used() - began


def _corpus(folder: Path, _: int) -> Callable[[], Any]:
    from tasks.corpus.corpus import CorpusConfig, corpus

    config = CorpusConfig(name="made_up", format="numinamath_cot", path=str(folder / "raw"))
    return partial(corpus.plain, config, folder / "corpus")


def _sample(folder: Path, size: int) -> Callable[[], Any]:
    from tasks.sample.sample import SampleConfig, sample

    config = SampleConfig(rows=size // 2, max_tokens=MAX_TOKENS)
    of = {"made_up": folder / "corpus"}
    return partial(sample.plain, config, folder / "sample", corpora=of, tokenizers={"nano": TOKENIZER})


def _split(folder: Path, size: int) -> Callable[[], Any]:
    from tasks.split.split import SplitConfig, split

    config = SplitConfig(sft_rows=size // 2, held_out_rows=0, agent_rows=0)
    return partial(split.plain, config, folder / "split", sample=folder / "sample")


def _rewritten(folder: Path) -> None:
    """What a rewriter would have left: of every fifth row its neighbour's solution."""
    rows = list(read_rows(folder / "split" / "rows.jsonl"))
    texts = [rows[place - (place % 5 == 4)]["solution"] for place in range(len(rows))]
    out = folder / "rewrite"
    out.mkdir(exist_ok=True)
    lines = ({"id": row["id"], "text": text, "finished": True} for row, text in zip(rows, texts, strict=True))
    write_rows(out / "rewrites.jsonl", lines)


def _verify(folder: Path, _: int) -> Callable[[], Any]:
    from tasks.verify.gate import GateConfig
    from tasks.verify.judges.config import JudgeConfig
    from tasks.verify.stage import verify

    gate = GateConfig(judge=JudgeConfig(kind="arithmetic", require_step=False, allow_unfit=True))
    return partial(verify.plain, gate, folder / "verify", rows=folder / "split", rewrites=folder / "rewrite")


def _assemble(folder: Path, _: int) -> Callable[[], Any]:
    from tasks.assemble.assemble import AssembleConfig, assemble

    given = {"rewrites": {"001": folder / "rewrite"}, "rewrite_verdicts": {"001": folder / "verify"}}
    return partial(assemble.plain, AssembleConfig(), folder / "assemble", rows=folder / "split", **given)


# Each with the folder whose largest file holds its rows.
STAGES: dict[str, tuple[Made, str]] = {
    "corpus": (_corpus, "corpus"),
    "sample": (_sample, "corpus"),
    "split": (_split, "sample"),
    "verify": (_verify, "split"),
    "assemble": (_assemble, "split"),
}


if __name__ == "__main__":
    main()
