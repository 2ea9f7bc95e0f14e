"""How much a stage has to do, in the unit that its time goes by: of a finished one from its manifest, of a planned one
from its config and what its inputs will hold.

In:  a manifest of kind rewrite, {"output_tokens": 16405, …};  a planned rewrite of a split of 800 rows
Out: 16405 (tokens)                                            800 rows, which the lengths turn into tokens

`WORK` has an entry for every stage.
"""

import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from tasks.rows.jsonl import read_lines
from tasks.rows.reader.bad_row import UnreadableFile
from tasks.rows.reader.files import raw_rows, row_files
from tasks.rows.source import local_path
from tasks.runtime.settings import ROOT
from tasks.runtime.store.store import Manifest

LOOKED_AT = 2000  # lines of a file, to tell how many it has
COUNTED_ROWS = 100_000  # of a file whose lines do not tell

Rows = Mapping[str, int]  # rows of each input


@dataclass(frozen=True)
class Kind:
    """One kind of stage.

    `done`: amount of work in a finished artifact. `rows`: rows that a planned one works on, of its config and of its
    inputs' rows. `times`: passes or samples a row. `made`: rows that it leaves for what comes after it.
    """

    unit: str  # tokens where a row's share is its length; else the rows are the amount
    done: Callable[[Mapping[str, Any], Mapping[str, Any]], float]  # of metrics and config
    rows: Callable[[Any, Rows], int]
    times: Callable[[Any, int], float] = lambda config, rows: 1
    made: Callable[[Any, int], int] = lambda config, rows: rows


def _sum(inputs: Rows, name: str) -> int:
    return sum(rows for key, rows in inputs.items() if key.split(".")[0] == name)


def _read(metrics: Mapping[str, Any], config: Mapping[str, Any]) -> float:
    return sum(value for name, value in metrics.items() if name.startswith("read_"))


def _rollouts(metrics: Mapping[str, Any], config: Mapping[str, Any]) -> float:
    lengths = [metrics[name] for name in ("length_passing_first", "length_passing_last") if metrics.get(name)]
    rewrites = metrics["steps"] * config["prompts_per_step"] * config["candidates"]
    return float(rewrites * sum(lengths) / max(1, len(lengths)))


def _grpo_times(config: Any, rows: int) -> float:
    steps = config.steps or max(1, rows // config.prompts_per_step)
    return steps * config.prompts_per_step * config.candidates / max(1, rows)


def _part(config: Any, rows: int) -> int:
    """Rows of one part of the sample, at most: rows that cannot be verified are counted when it is split."""
    left = max(0, rows - config.sft_rows)
    held_out = min(config.held_out_rows, left)
    agent = min(config.agent_rows, left) - held_out
    return max(0, {"sft": min(config.sft_rows, rows), "held_out": held_out, "agent": agent}[config.part])


@cache
def _passages(file: Path | None) -> int:
    if file is None:
        return 0
    try:
        return sum(1 for _ in read_lines(ROOT / file))
    except (OSError, EOFError):  # told by the checks
        return 0


WORK: dict[str, Kind] = {
    "backbone": Kind(
        "models",
        lambda m, c: float(not c.get("tokenizer_only")),
        lambda c, i: int(c.is_tried()),
        made=lambda c, rows: 1,
    ),
    "corpus": Kind("rows", lambda m, c: m["read"], lambda c, i: i.get("", 0)),
    "questions": Kind("questions", lambda m, c: m["questions"], lambda c, i: i.get("", 0)),
    "sample": Kind("rows", _read, lambda c, i: _sum(i, "corpora"), made=lambda c, rows: min(c.rows, rows)),
    "split": Kind("rows", lambda m, c: m["rows"], lambda c, i: i["sample"], made=_part),
    "train_agent": Kind("tokens", _rollouts, lambda c, i: i["rows"], times=_grpo_times),
    "measure": Kind(
        "tokens",
        lambda m, c: m["rows"] * c["candidates"] * m["length"],
        lambda c, i: i["rows"],
        times=lambda c, rows: c.candidates,
    ),
    "rewrite": Kind("tokens", lambda m, c: m["output_tokens"], lambda c, i: -(-i["rows"] // c.shards)),
    "self_solve": Kind("tokens", lambda m, c: m["output_tokens"], lambda c, i: -(-i["rows"] // c.shards)),
    "verify": Kind("rows", lambda m, c: m["rewrites"], lambda c, i: i["rewrites"]),
    "diversity": Kind("rewrites", lambda m, c: m["rewrites"], lambda c, i: _sum(i, "rewrites")),
    "assemble": Kind("rows", lambda m, c: m["rows"], lambda c, i: i["rows"]),
    "mix": Kind("rows", lambda m, c: m["rows"], lambda c, i: i["dataset"] + c.rows),
    "finetune": Kind(
        "tokens",
        lambda m, c: m["target_tokens"] * c["epochs"],
        lambda c, i: i["dataset"],
        times=lambda c, rows: c.epochs,
    ),
    "average": Kind("models", lambda m, c: 1.0, lambda c, i: 1, made=lambda c, rows: 1),
    "score": Kind("tokens", lambda m, c: m["tokens"], lambda c, i: i.get("rewrites", i["rows"])),
    "evaluate": Kind(
        "tokens",
        lambda m, c: m["tokens"] + m.get("sampled_tokens", 0),
        lambda c, i: i.get("", 0),
        times=lambda c, rows: 1 + (c.sampling.answers if c.sampling else 0),
    ),
    "read_base": Kind(
        "texts",
        lambda m, c: m["texts"],
        # Of each benchmark so many answers and choices as it has; passages beside them.
        lambda c, i: (
            _passages(c.passages)
            + sum(min(c.answers, rows) + min(c.choices, rows) for name, rows in i.items() if name.startswith("answers"))
        ),
    ),
    "drift": Kind("texts", lambda m, c: m["texts"], lambda c, i: i["base"]),
    "report": Kind("artifacts", lambda m, c: m["artifacts"], lambda c, i: i.get("", 0)),
    "frontier": Kind("artifacts", lambda m, c: m["artifacts"], lambda c, i: i.get("", 0)),
}


def done(manifest: Manifest) -> float | None:
    """The amount of work in a finished artifact; None where its metrics do not tell."""
    try:
        return float(WORK[manifest.kind].done(manifest.metrics, manifest.config))
    except (KeyError, TypeError):
        return None


# How many rows stand behind an artifact's tokens, by the first of these metrics that it has.
COUNTED = ("written", "scored", "n", "kept")


def length(manifest: Manifest) -> float | None:
    """Tokens a row, of a finished artifact whose work is counted in tokens."""
    metrics = manifest.metrics
    if manifest.kind == "measure":
        return metrics.get("length")
    if manifest.kind == "train_agent":
        return metrics.get("length_passing_last") or metrics.get("length_passing_first")
    own = {"finetune": "target_tokens", "evaluate": "tokens"}.get(manifest.kind)
    total = metrics.get(own) if own else done(manifest)
    rows = next((metrics[name] for name in COUNTED if metrics.get(name)), None)
    return None if total is None or not rows else total / rows


# The metric that counts them, where it is not "rows".
_LEFT = {
    "rewrite": "written",
    "self_solve": "written",
    "verify": "rewrites",
    "questions": "questions",
    "evaluate": "n",
    "read_base": "texts",
    "drift": "texts",
}


def made(manifest: Manifest) -> int | None:
    """Rows that a finished artifact left for what comes after it."""
    metrics = manifest.metrics
    name = _LEFT.get(manifest.kind, "rows")
    value = metrics.get(name)
    return int(value) if isinstance(value, (int, float)) else None


def rows_of_file(path: str, files: str) -> int:
    """Rows of a corpus on this machine, from the length of the first lines; of other than JSON lines and Parquet up to
    `COUNTED_ROWS` a file are counted. 0 where there is none to look at."""
    return sum(_rows_of(one) for one in files_of(path, files))


def files_of(path: str, files: str) -> list[Path]:
    """The files of a corpus that lie on this machine."""
    place = local_path(path)
    try:
        return [] if place is None else row_files(place, files)
    except UnreadableFile:  # none of them holds rows: told when it is imported
        return []


@cache
def _rows_of(file: Path) -> int:
    """0 of a file that is broken: told when it is imported."""
    try:
        if file.suffix == ".parquet":
            import pyarrow.parquet as parquet

            return int(parquet.ParquetFile(file).metadata.num_rows)
        if file.name.endswith((".jsonl", ".jsonl.gz")):
            return _lines_of(file)
        return sum(1 for _ in islice(raw_rows(file), COUNTED_ROWS))
    except (UnreadableFile, OSError, EOFError, ValueError, zlib.error):
        return 0


def _lines_of(file: Path) -> int:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
        counted = sum(1 for _ in islice(lines, LOOKED_AT))
        read = lines.tell()
    return max(counted, round(counted * _bytes(file) / read)) if read else 0


def _bytes(file: Path) -> int:
    """Of the text; a gzip file tells it at its end (RFC 1952), but for multiples of 4 GiB."""
    if file.suffix != ".gz":
        return file.stat().st_size
    with file.open("rb") as raw:
        raw.seek(-4, 2)
        return int.from_bytes(raw.read(4), "little")
