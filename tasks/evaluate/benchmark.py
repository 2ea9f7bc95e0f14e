"""A benchmark: what its YAML file says, where its data come from, and its rows in one schema.

In:  tasks/evaluate/benchmarks/math500.yaml
Out: Benchmark(name="math500", group="math", reader="math500", file="math500.jsonl.gz", source={...}) and rows
     {"id", "question", "answer", "options", "subset"}
"""

import csv
import gzip
import hashlib
import io
import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tasks.evaluate import readers
from tasks.evaluate.more_readers import MORE
from tasks.rows.jsonl import Row, read_rows
from tasks.rows.source import SourceError, download
from tasks.runtime.digest import digest_file, digest_value
from tasks.runtime.settings import ROOT

READERS = readers.READERS | MORE
FOLDER = Path(__file__).resolve().parent / "benchmarks"
TASK_PREFIX = "rewriting_agent_"  # of lm-eval's task, which has tasks of its own by five of these names
DATA_VARIABLE = "REWRITING_AGENT_BENCHMARK_DATA"  # where benchmark_data is not given


class _Loader(yaml.SafeLoader):
    """YAML whose `!function module.name` is read as its name: only lm-eval imports it."""


_Loader.add_constructor("!function", lambda loader, node: str(node.value))


@dataclass(frozen=True)
class Benchmark:
    """`group`: "math" (downstream) or "general". Rows stay whose subset is in `keep`, if given, and not in `remove`;
    where options are compared by `likelihood`, those with one right letter among options."""

    name: str
    group: str
    reader: str
    version: int
    file: str | None = None
    path: str | None = None
    source: dict[str, Any] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    likelihood: bool = False


def names() -> list[str]:
    """All benchmarks, by the names of their YAML files."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.startswith("_"))


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name. Raises SourceError where there is none."""
    path = FOLDER / f"{name}.yaml"
    if name not in names():
        raise SourceError(f"no benchmark {name!r}: {path} does not exist. There are: {', '.join(names())}")
    said = _parsed(path)["metadata"]
    said |= {key: tuple(said.get(key, ())) for key in ("keep", "remove")}
    return Benchmark(**said)


def identity(name: str, data: Path | None = None) -> dict[str, Any]:
    """What an answer depends on besides the model and the config: the benchmark's definition and its data.

    Comments of the YAML files and the name of lm-eval's task are no part of it.
    """
    chosen, local = benchmark(name), _local(benchmark(name), data)
    return {
        "definition": digest_value(definition(name)),
        "data": digest_file(local) if local is not None else chosen.source,
    }


def rows(name: str, data: Path | None = None, limit: int | None = None) -> list[Row]:
    """The benchmark's rows; with `limit` those whose ids have the smallest hashes, so that subsets are all met.

    Args:
        data: folder with the benchmark's `file`; else that of $REWRITING_AGENT_BENCHMARK_DATA, else a download.

    Raises:
        SourceError: the data cannot be had.
    """
    chosen = benchmark(name)
    local = _local(chosen, data)
    raw = read_rows(local) if local is not None else _downloaded(chosen)
    kept = [
        row
        for row in READERS[chosen.reader](raw)
        if row["subset"] not in chosen.remove and (not chosen.keep or row["subset"] in chosen.keep)
    ]
    if chosen.likelihood:
        kept = [row for row in kept if row["options"] and len(row["answer"]) == 1]
    if not kept:
        raise SourceError(f"{name}: no rows in {local or chosen.source}")
    if limit is not None:
        kept = sorted(kept, key=lambda row: hashlib.sha256(row["id"].encode()).digest())[:limit]
    return kept


def definition(name: str) -> dict[str, Any]:
    """What the benchmark's file and the shared base say, but for the name of lm-eval's task."""
    merged = _parsed(FOLDER / f"{name}.yaml")
    while base := merged.pop("include", None):
        merged = _parsed(FOLDER / base) | merged
    return {field: value for field, value in merged.items() if field != "task"}


def _parsed(path: Path) -> dict[str, Any]:
    said: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # a SafeLoader
    return said


def _local(chosen: Benchmark, data: Path | None) -> Path | None:
    if chosen.path is not None:
        return ROOT / chosen.path
    folder = data or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if folder is None or chosen.file is None:
        return None
    path = folder / chosen.file
    if not path.exists():
        raise SourceError(f"{chosen.name}: {path} does not exist; leave benchmark_data out to download it")
    return path


def _downloaded(chosen: Benchmark) -> Iterator[Row]:
    source = chosen.source
    for name in source["files"]:
        if "hub" in source:
            path = download(source["hub"], source["revision"], "dataset", [name]) / name
            content = path.read_bytes()
        else:
            url = f"https://raw.githubusercontent.com/{source['github']}/{source['revision']}/{name}"
            try:
                with urllib.request.urlopen(url, timeout=60) as answer:
                    content = answer.read()
            except OSError as error:
                raise SourceError(f"{chosen.name}: {url} could not be fetched: {error}") from None
        for row in parse(name, content):
            yield row if "task" in row else row | {"task": Path(name).stem}


def parse(name: str, content: bytes) -> Iterator[Row]:
    """Rows of a downloaded file by the suffix of its name: JSON lines, JSON with `examples`, CSV, Parquet."""
    if name.endswith(".parquet"):
        import pyarrow.parquet

        yield from pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
        return
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode("utf-8")
    if name.endswith(".csv"):
        yield from csv.DictReader(io.StringIO(text, newline=""))
    elif name.endswith(".json"):
        yield from json.loads(text)["examples"]
    else:
        yield from (json.loads(line) for line in text.split("\n") if line.strip())
